"""Workers that are killed, stopped and given other partitions in the middle of batches leave the rows of one fold.

TRACKLOG_DISTURBANCES says how many times they are disturbed.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from event_log.fixed_assignment import FixedAssignment
from event_log.kafka.event_log import open_kafka_log
from event_log.kafka.settings import KafkaSettings
from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventLog
from projector import postgresql_generations as generations
from projector.postgresql_projector import PostgresqlProjector
from schemas.dataset_records import record_id_of
from schemas.events import (
    AnyEvent,
    Assessment,
    DatasetInput,
    DatasetRecord,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsUpserted,
    ExperimentRenamed,
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaDeleted,
    LabelSchemaUpdated,
    LoggedModelCreated,
    MetricSeries,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    Param,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunRestored,
    RunUpdated,
    ScorerDeleted,
    ScorerRegistered,
    Span,
    Tag,
    TraceAssessmentCreated,
    TraceDeleted,
    TraceLinkedToRun,
    TraceSpansLogged,
    TraceStarted,
    TraceTagSet,
)
from tests.integration.logs_in_files import keep
from tests.integration.postgresql_read_models import PostgresqlReadModel
from tests.unit.projector.histories import created, envelope, experiment

DISTURBANCES = int(os.environ.get("TRACKLOG_DISTURBANCES", "4"))
EVENTS_PER_DISTURBANCE = 500
PAUSE_S = 0.25
STOPPED_S = 4.0
"""Past what PostgreSQL gives a transaction that says nothing."""
PARTITIONS = 6
WORKERS = 3
FINISH_S = 60


def history(dice: random.Random, count: int) -> Iterator[AnyEvent]:
    """Anything that may happen, much of it refused, some of it about runs that are created later or never."""
    yield from (experiment(one) for one in range(3))
    yield RegisteredModelCreated(name="kept", registered_model_id="kept")
    yield ModelVersionCreated(name="kept", version_id="kept", source="s", storage_location="s")
    runs = [f"{dice.getrandbits(128):032x}" for _ in range(60)]
    waiting = list(runs)
    steps = dict.fromkeys(runs, 0)
    for _ in range(count):
        if waiting and dice.random() < 0.15:
            yield created(waiting.pop(), dice.randrange(3))
            continue
        run = dice.choice(runs[len(waiting) :] if dice.random() < 0.995 and len(waiting) < len(runs) else runs)
        anything: list[AnyEvent] = [
            _points(dice, run, steps),
            RunDataLogged(run_id=run, params=[Param(f"p{dice.randrange(20)}", str(dice.randrange(3)))]),
            RunDataLogged(run_id=run, tags=[Tag(f"t{dice.randrange(5)}", str(dice.random()))]),
            RunUpdated(run_id=run, status=dice.choice(["RUNNING", "FINISHED"]), name=dice.choice([None, "n2"])),
            RunDeleted(run_id=run),
            RunRestored(run_id=run),
            RunInputsLogged(
                run_id=run,
                datasets=[DatasetInput(name=f"d{dice.randrange(4)}", digest="1", source=str(dice.random()))],
            ),
            LoggedModelCreated(model_id=f"m-{dice.randrange(50)}", experiment_id=0, name="m", artifact_location="x"),
            ExperimentRenamed(experiment_id=dice.randrange(3), name=f"name-{dice.randrange(4)}"),
            _of_a_registered_model(dice),
            _of_an_evaluation(dice),
            _of_a_review(dice),
            _of_a_trace(dice, run),
        ]
        yield dice.choices(anything, [12, 3, 2, 1, 1, 1, 2, 1, 1, 4, 3, 3, 4])[0]


def _of_a_registered_model(dice: random.Random) -> AnyEvent:
    """About one of a few names, so that creates, renames and deletes meet each other."""
    name, version, id_ = f"model-{dice.randrange(3)}", dice.randrange(1, 6), f"{dice.getrandbits(128):032x}"
    anything: list[AnyEvent] = [
        RegisteredModelCreated(name=name, registered_model_id=id_, tags=[Tag("t", id_)]),
        ModelVersionCreated(name=name, version_id=id_, source=id_, storage_location=id_, tags=[Tag("t", id_)]),
        ModelVersionTransitioned(name=name, version=version, stage="Production", archive_existing=True),
        RegisteredModelAliasSet(name=name, alias=f"a{dice.randrange(2)}", version=version),
        ModelVersionTagSet(name=name, version=version, key="t", value=id_),
        ModelVersionDeleted(name=name, version=version),
        RegisteredModelRenamed(name=name, new_name=f"model-{dice.randrange(3)}"),
        RegisteredModelDeleted(name=name),
    ]
    return dice.choices(anything, [3, 8, 4, 4, 4, 2, 1, 1])[0]


def _of_an_evaluation(dice: random.Random) -> AnyEvent:
    """About one of a few datasets or scorers, so that records are merged and versions counted."""
    dataset_id, id_ = f"d-{dice.randrange(3)}", f"{dice.getrandbits(128):032x}"
    records = [
        DatasetRecord(inputs=f'{{"q":{dice.randrange(20)}}}', tags=f'{{"t{dice.randrange(3)}":"{id_}"}}')
        for _ in range(dice.randrange(1, 5))
    ]
    anything: list[AnyEvent] = [
        EvaluationDatasetCreated(dataset_id=dataset_id, name="d", experiment_ids=[0]),
        EvaluationDatasetDeleted(dataset_id=dataset_id),
        EvaluationDatasetRecordsUpserted(dataset_id=dataset_id, records=records),
        EvaluationDatasetRecordsDeleted(
            dataset_id=dataset_id, record_ids=[record_id_of(dice.randrange(500).to_bytes(16, "big"), 0)]
        ),
        ScorerRegistered(
            experiment_id=0, name=f"s{dice.randrange(2)}", scorer_id=id_, version_id=id_, serialized_scorer=id_
        ),
        ScorerDeleted(experiment_id=0, name=f"s{dice.randrange(2)}", version=dice.choice([None, 1, 2, 3])),
    ]
    return dice.choices(anything, [3, 1, 12, 4, 6, 2])[0]


def _of_a_review(dice: random.Random) -> AnyEvent:
    """About one of a few issues, label schemas or queues, whose names are raced for."""
    id_, name, text = f"i-{dice.randrange(6)}", f"n{dice.randrange(3)}", f"{dice.getrandbits(128):032x}"
    item = f"tr-{dice.randrange(8)}"
    anything: list[AnyEvent] = [
        IssueCreated(issue_id=id_, experiment_id=0, name=name, description=text),
        IssueUpdated(issue_id=id_, status=dice.choice(["resolved", "rejected"])),
        LabelSchemaCreated(schema_id=id_, experiment_id=0, name=name, type="FEEDBACK", input='{"text":{}}'),
        LabelSchemaUpdated(schema_id=id_, name=f"n{dice.randrange(3)}", instruction=text),
        LabelSchemaDeleted(schema_id=id_),
        ReviewQueueCreated(queue_id=id_, experiment_id=0, name=name, queue_type="CUSTOM", created_by=text),
        ReviewQueueUpdated(queue_id=id_, name=f"n{dice.randrange(3)}", users=[text]),
        ReviewQueueItemsAdded(queue_id=id_, item_ids=[item, f"tr-{dice.randrange(8)}"]),
        ReviewQueueItemStatusSet(queue_id=id_, item_id=item, status="COMPLETE", completed_by=text),
        ReviewQueueItemsRemoved(queue_id=id_, item_ids=[item]),
        ReviewQueueDeleted(queue_id=id_),
    ]
    return dice.choices(anything, [3, 2, 3, 2, 1, 3, 2, 4, 3, 1, 1])[0]


def _of_a_trace(dice: random.Random, run: str) -> AnyEvent:
    """About one of a few traces, so that its two writers meet, and spans come again or fill more than one chunk."""
    trace_id, id_ = f"tr-{dice.randrange(8)}", f"{dice.getrandbits(128):032x}"
    spans = [_span(dice.randrange(200), text=id_) for _ in range(dice.choice([1, 3, 100]))]
    assessment = Assessment(
        assessment_id=id_, name="good", kind="feedback", value="1.0", create_time_ms=1, last_update_time_ms=1
    )
    anything: list[AnyEvent] = [
        TraceSpansLogged(trace_id=trace_id, experiment_id=0, spans=spans),
        TraceStarted(trace_id=trace_id, experiment_id=dice.randrange(3), request_time_ms=1, tags={"t": id_}),
        TraceTagSet(trace_id=trace_id, key=f"t{dice.randrange(3)}", value=id_),
        TraceAssessmentCreated(trace_id=trace_id, assessment=assessment),
        TraceLinkedToRun(trace_id=trace_id, run_id=run),
        TraceDeleted(trace_id=trace_id),
    ]
    return dice.choices(anything, [8, 2, 2, 2, 2, 1])[0]


def _span(number: int, text: str) -> Span:
    """The first is the root of all others; `text` and tokens are of the last that was logged."""
    return Span(
        span_id=f"{number:016x}",
        parent_id="" if number == 0 else f"{0:016x}",
        name="s",
        start_ns=number,
        end_ns=number + 1,
        attributes={"mlflow.spanInputs": text, "gen_ai.usage.input_tokens": number},
    )


def _points(dice: random.Random, run: str, steps: dict[str, int]) -> RunDataLogged:
    count = dice.choice([1, 1, 1, 3, 100])
    start = steps[run]
    steps[run] += count
    values: list[float | str] = [dice.random() for _ in range(count)]
    series = MetricSeries(f"k{dice.randrange(2)}", values, [start] * count, list(range(start, start + count)))
    return RunDataLogged(run_id=run, metrics=[series])


async def log_of_anything(dice: random.Random, count: int) -> MemoryEventLog:
    log = MemoryEventLog(PARTITIONS)
    for index, payload in enumerate(history(dice, count)):
        await log.append([envelope(index, payload)])
    for partition in log._events:  # one in each partition that no code can read
        index = dice.randrange(len(partition) // 2, len(partition))
        partition[index] = replace(partition[index], payload=b"{")
    return log


class Workers:
    """Processes that share the partitions as told, and whatever happens to them."""

    def __init__(self, dsn: str, folder: Path, dice: random.Random) -> None:
        self._dsn = dsn
        self._folder = folder
        self._dice = dice
        self._started = 0
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_one(self) -> None:
        name = f"worker-{self._started}"
        self._started += 1
        command = [sys.executable, "-m", "tests.integration.folding_process"]
        arguments = [self._dsn, str(self._folder / "log"), str(self._folder / "assignment"), name]
        with (self._folder / "errors").open("ab") as errors:
            self._running[name] = subprocess.Popen([*command, *arguments], stderr=errors)
        self.share_out()

    def share_out(self) -> None:
        """Give each partition to a worker, some to two: for a moment, both may believe to have it."""
        shares: dict[str, list[int]] = {name: [] for name in self._running}
        for partition in range(PARTITIONS if shares else 0):
            for name in self._dice.sample(sorted(shares), k=min(len(shares), self._dice.choice([1, 1, 2]))):
                shares[name].append(partition)
        fresh = self._folder / "assignment.new"
        fresh.write_text(json.dumps(shares))
        fresh.rename(self._folder / "assignment")

    async def kill_one(self) -> None:
        name = self._dice.choice(sorted(self._running))
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.start_one()

    async def stop_one(self) -> None:
        """Suspend one until others have long had its partitions; then let it go on with what it was about to do."""
        name = self._dice.choice(sorted(self._running))
        process = self._running.pop(name)
        process.send_signal(signal.SIGSTOP)
        self.share_out()
        await asyncio.sleep(STOPPED_S)
        process.send_signal(signal.SIGCONT)
        self._running[name] = process
        self.share_out()

    async def rebalance(self) -> None:
        self.share_out()

    async def disturb(self) -> None:
        await self._dice.choice([self.kill_one, self.kill_one, self.rebalance, self.rebalance, self.stop_one])()

    def end(self) -> str:
        """Kill them all; what they said went wrong."""
        assert [process.poll() for process in self._running.values()] == [None] * len(self._running)
        self._kill_all()
        return (self._folder / "errors").read_text()

    def _kill_all(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    @classmethod
    @contextmanager
    def at_work(cls, dsn: str, folder: Path, dice: random.Random) -> Iterator["Workers"]:
        workers = cls(dsn, folder, dice)
        try:
            workers.share_out()
            for _ in range(WORKERS):
                workers.start_one()
            yield workers
        finally:
            workers._kill_all()


async def finished(read_model: PostgresqlReadModel, log: EventLog) -> None:
    end = await log.end()
    async with asyncio.timeout(FINISH_S):
        async with generations.connected(read_model.dsn) as connection:
            while await generations.checkpoints_of(connection, read_model.generation) != end:
                await asyncio.sleep(0.05)


@pytest.mark.timeout(0)
async def test_killed_stopped_and_rebalanced_workers_leave_the_rows_of_one_undisturbed_fold(
    postgresql_database: str, record_property: Callable[[str, object], None]
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    dice = random.Random(seed)
    log = await log_of_anything(dice, EVENTS_PER_DISTURBANCE * DISTURBANCES)
    read_model = await PostgresqlReadModel.live(postgresql_database, log)
    with tempfile.TemporaryDirectory() as folder:
        keep(log, Path(folder) / "log")
        with Workers.at_work(read_model.dsn, Path(folder), dice) as workers:
            await asyncio.sleep(1.0)
            for _ in range(DISTURBANCES):
                await asyncio.sleep(dice.random() * PAUSE_S)
                await workers.disturb()
            await finished(read_model, log)
            assert "Traceback" not in workers.end()
    undisturbed = await read_model.beside()
    await undisturbed.fold(log)
    assert await read_model.differences(undisturbed) == []
    [(points,)] = await read_model.rows("SELECT sum(points) FROM latest_metrics")
    assert points > 0
    assert await read_model.rows("SELECT version FROM model_versions WHERE name = 'kept'") == [(1,)]
    assert len(await read_model.rows("SELECT 1 FROM set_aside")) >= PARTITIONS


async def test_any_suffix_of_the_log_folded_again_from_an_older_state_gives_the_same_rows(
    postgresql_database: str,
) -> None:
    """As after a crash of PostgreSQL that lost the last commits: rows and checkpoints are of one moment."""
    dice = random.Random(7)
    log = await log_of_anything(dice, 600)
    whole = await PostgresqlReadModel.live(postgresql_database, log)
    await whole.fold(log)
    older = await whole.beside()
    longest = max((await log.end()).values())
    await older.fold(log, sorted(dice.randrange(longest) for _ in range(4)))
    assert await whole.differences(older) == []


@pytest.mark.timeout(0)
async def test_members_of_a_kafka_group_that_are_killed_under_load_leave_the_rows_of_one_undisturbed_fold(
    postgresql_database: str, kafka_service: Any, kafka_topic: str, tmp_path: Path
) -> None:
    dice = random.Random(11)
    uri = f"kafka://{kafka_service.bootstrap}/{kafka_topic}"
    log = await open_kafka_log(KafkaSettings.parse(uri), partitions=PARTITIONS)
    read_model = await PostgresqlReadModel.live(postgresql_database, log)
    with (tmp_path / "errors").open("wb") as errors:

        def start() -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "tests.integration.folding_process", read_model.dsn, uri]
            return subprocess.Popen(command, stderr=errors)

        members = [start() for _ in range(WORKERS)]
        try:
            appending = asyncio.create_task(_append_slowly(log, dice))
            for _ in range(max(1, DISTURBANCES // 2)):
                await asyncio.sleep(1 + dice.random())
                victim = members.pop(dice.randrange(len(members)))
                victim.kill()
                victim.wait()
                members.append(start())
            await appending
            await finished(read_model, log)
            assert [member.poll() for member in members] == [None] * WORKERS
        finally:
            for member in members:
                member.kill()
                member.wait()
    assert "Traceback" not in (tmp_path / "errors").read_text()
    undisturbed = await read_model.beside()
    await undisturbed.fold(log)
    await log.close()
    assert await read_model.differences(undisturbed) == []
    assert len(await read_model.rows("SELECT 1 FROM runs")) > 0


async def _append_slowly(log: EventLog, dice: random.Random) -> None:
    for index, payload in enumerate(history(dice, EVENTS_PER_DISTURBANCE * max(1, DISTURBANCES // 2))):
        await log.append([envelope(index, payload)])
        await asyncio.sleep(0.002)


@pytest.mark.timeout(0)
async def test_a_killed_postgresql_that_lost_commits_ends_with_the_rows_of_one_undisturbed_fold(
    own_postgresql: Any,
) -> None:
    """Its last commits had not reached the disk: rows and checkpoints go back together."""
    dice = random.Random(13)
    log = MemoryEventLog(PARTITIONS)
    read_model = await PostgresqlReadModel.live(own_postgresql.url, log)
    projection = PostgresqlProjector(
        read_model.dsn, log, lambda generation: FixedAssignment(frozenset(range(PARTITIONS)))
    )
    projecting = asyncio.create_task(projection.run())
    appending = asyncio.create_task(_append_slowly(log, dice))
    for _ in range(max(1, DISTURBANCES // 4)):
        await asyncio.sleep(0.3 + dice.random())
        await asyncio.to_thread(own_postgresql.kill)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(own_postgresql.start)
    await appending
    await finished(read_model, log)
    projecting.cancel()
    await asyncio.wait([projecting])
    assert projecting.cancelled()
    undisturbed = await read_model.beside()
    await undisturbed.fold(log)
    assert await read_model.differences(undisturbed) == []
