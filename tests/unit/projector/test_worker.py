"""A worker follows the partitions that are its own at the moment, and gives way to whoever fences it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.port import PartitionAssignment
from projector.changes import Change
from projector.port import CheckpointMove, Fenced, ReadModelWriter, Refusal, SetAside, Superseded, Unwritable
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import ProjectorWorker
from schemas.events import AnyEvent, RunDataLogged, Tag
from tests.contracts.partition_assignment_contract import Members, PartitionAssignmentContract
from tests.contracts.read_model_writer_contract import ReadModelWriterContract, WrittenReadModel
from tests.unit.projector.histories import RUNS, created, envelope, experiment
from tests.unit.projector.read_models import Projected

PARTITIONS = 4
WAIT_S = 5


class Changing(PartitionAssignment):
    """Partitions that the test gives and takes."""

    def __init__(self, *partitions: int) -> None:
        self._partitions = frozenset(partitions)
        self._changed = asyncio.Event()

    def become(self, *partitions: int) -> None:
        self._partitions = frozenset(partitions)
        self._changed.set()

    @property
    def partitions(self) -> Set[int]:
        return self._partitions

    async def start(self) -> None:
        pass

    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while self._partitions == known:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        pass


class TestChanging(PartitionAssignmentContract):
    """The double keeps the contract."""

    @pytest.fixture
    def every(self) -> Set[int]:
        return set(range(PARTITIONS))

    @pytest.fixture
    def members(self, every: Set[int]) -> Members:
        return lambda _group: Changing(*every)


class Writer(SqliteReadModelWriter):
    """The real one, which raises once what the test wants, or refuses some value as PostgreSQL does NUL."""

    raises: Exception | None = None
    refused: str | None = None
    commits = 0

    async def commit(
        self,
        changes: Sequence[Change],
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        if self.raises is not None:
            error, self.raises = self.raises, None
            raise error
        if self.refused is not None and any(self.refused in row for change in changes for row in change.rows):
            raise Unwritable(f"refused {self.refused}")
        self.commits += 1
        await super().commit(changes, refusals, set_aside, checkpoints, resumed)


class InFile(WrittenReadModel):
    """A read model that `Writer` writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_current = True

    async def open(self) -> ReadModelWriter:
        return Writer(self._path, is_current=lambda: self._is_current)

    async def supersede(self) -> None:
        self._is_current = False


class TestWriter(ReadModelWriterContract):
    @pytest.fixture
    def read_model(self, tmp_path: Path) -> WrittenReadModel:
        return InFile(Projected(tmp_path).path)


async def a_log(*history: AnyEvent) -> MemoryEventLog:
    log = MemoryEventLog(PARTITIONS)
    for index, payload in enumerate([experiment(), *(created(f"{one:032x}") for one in range(40)), *history]):
        await log.append([envelope(index, payload)])
    return log


class Running:
    """A worker at work on a read model in a file."""

    def __init__(self, folder: Path, log: MemoryEventLog, assignment: Changing) -> None:
        self.read_model = Projected(folder)
        self.writer = Writer(self.read_model.path)
        self.worker = ProjectorWorker(log, self.writer, assignment)
        self.log = log

    async def reaches_the_end_of(self, *partitions: int) -> None:
        end = await self.log.end()
        async with asyncio.timeout(WAIT_S):
            while dict(self.worker.checkpoint) != {one: end[one] for one in partitions}:
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Running"]:
        task = asyncio.create_task(self.worker.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.writer.close()


async def test_only_the_partitions_that_are_its_own_are_folded(tmp_path: Path) -> None:
    running = Running(tmp_path, await a_log(), Changing(1, 2))
    async with running.at_work():
        await running.reaches_the_end_of(1, 2)
    folded = {row[0] for row in running.read_model.rows("SELECT partition FROM checkpoints")}
    assert folded == {1, 2}


async def test_partitions_that_come_are_folded_and_those_that_go_are_left(tmp_path: Path) -> None:
    assignment = Changing(0)
    running = Running(tmp_path, await a_log(), assignment)
    async with running.at_work():
        await running.reaches_the_end_of(0)
        assignment.become(1, 3)
        await running.reaches_the_end_of(1, 3)
        assignment.become()
        await running.reaches_the_end_of()
        assignment.become(0, 1, 2, 3)
        await running.reaches_the_end_of(0, 1, 2, 3)
    assert running.read_model.rows("SELECT count(*) FROM runs") == [(40,)]


async def test_all_partitions_of_a_round_are_one_commit(tmp_path: Path) -> None:
    running = Running(tmp_path, await a_log(), Changing(0, 1, 2, 3))
    async with running.at_work():
        await running.reaches_the_end_of(0, 1, 2, 3)
        assert running.writer.commits == 1


async def test_a_fenced_worker_reads_the_checkpoints_anew_and_goes_on(tmp_path: Path) -> None:
    log = await a_log()
    running = Running(tmp_path, log, Changing(0, 1))
    running.writer.raises = Fenced("another has it")
    async with running.at_work():
        await running.reaches_the_end_of(0, 1)
    found = running.read_model.rows("SELECT partition, next_offset FROM checkpoints ORDER BY 1")
    end = await log.end()
    assert found == [(0, end[0]), (1, end[1])]


async def test_a_worker_whose_read_model_was_replaced_ends(tmp_path: Path) -> None:
    running = Running(tmp_path, await a_log(), Changing(0))
    running.writer.raises = Superseded("another read model took its place")
    with pytest.raises(Superseded):
        await running.worker.run()
    await running.writer.close()


async def test_events_that_come_while_it_waits_are_folded_at_once(tmp_path: Path) -> None:
    running = Running(tmp_path, await a_log(), Changing(0, 1, 2, 3))
    async with running.at_work():
        await running.reaches_the_end_of(0, 1, 2, 3)
        for index in range(3):
            await running.log.append([envelope(100 + index, created(RUNS[index]))])
            await running.reaches_the_end_of(0, 1, 2, 3)


async def test_the_culprits_of_a_refused_batch_are_set_aside_and_the_rest_is_written(tmp_path: Path) -> None:
    culprits = [RunDataLogged(run_id=f"{one:032x}", tags=[Tag("t", "bad")]) for one in (3, 17)]
    later = [RunDataLogged(run_id=f"{3:032x}", tags=[Tag("u", "good")])]
    log = await a_log(*culprits, created(RUNS[0]), *later)
    running = Running(tmp_path, log, Changing(0, 1, 2, 3))
    running.writer.refused = "bad"
    async with running.at_work():
        await running.reaches_the_end_of(0, 1, 2, 3)
        assert running.worker.set_aside_count == 3
    streams = {row[0] for row in running.read_model.rows("SELECT stream FROM set_aside")}
    assert streams == {f"run/{3:032x}", f"run/{17:032x}"}
    assert running.read_model.rows("SELECT count(*) FROM runs") == [(41,)]


async def test_an_event_that_cannot_be_read_stops_its_own_stream_and_the_others_flow(tmp_path: Path) -> None:
    log = await a_log()
    [damaged] = await log.append([envelope(50, RunDataLogged(run_id=f"{3:032x}", tags=[Tag("t", "lost")]))])
    for index, run in enumerate((3, 17)):
        await log.append([envelope(51 + index, RunDataLogged(run_id=f"{run:032x}", tags=[Tag("t", "later")]))])
    log.damage(damaged)
    running = Running(tmp_path, log, Changing(0, 1, 2, 3))
    async with running.at_work():
        await running.reaches_the_end_of(0, 1, 2, 3)
        assert running.worker.set_aside_count == 2
    assert running.read_model.rows("SELECT value FROM tags WHERE key = 't'") == [("later",)]
    rows = running.read_model.rows('SELECT "partition", "offset", stream, event_type, reason FROM set_aside ORDER BY 2')
    assert rows[0] == (
        damaged.partition,
        damaged.offset,
        f"run/{3:032x}",
        "damaged-event",
        "its bytes are not those that were written",
    )
    assert rows[1][4] == "an earlier event of its stream is set aside"
