"""What the projector writes into PostgreSQL: the same rows as into SQLite, by any number of workers, exactly once."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from event_log.fixed_assignment import FixedAssignment
from event_log.memory_event_log import MemoryEventLog
from projector import postgresql_generations as generations
from projector.changes import Read
from projector.port import CheckpointMove, DamagedReadModel, Fenced, ReadModelUnavailable, Superseded
from projector.postgresql_writer import PostgresqlReadModelWriter
from projector.worker import ProjectorWorker
from read_model import progress_message
from read_model.migrations import HISTORY
from read_model.progress_message import Committed
from read_model.tables import metadata
from schemas import migrations
from schemas.events import AnyEvent, DatasetInput, Param, RunDataLogged, RunInputsLogged, Tag
from schemas.postgresql import CONTROL_SCHEMA, PROGRESS_CHANNEL, schema_of
from tests.integration.postgresql_read_models import PostgresqlReadModel, sqlite_rows
from tests.unit.projector.histories import RUNS, created, envelope, experiment, histories, log_of, metric
from tests.unit.projector.read_models import projected


@pytest.fixture
async def read_model(postgresql_database: str) -> PostgresqlReadModel:
    return await PostgresqlReadModel.live(postgresql_database, MemoryEventLog())


@pytest.fixture
async def writer(read_model: PostgresqlReadModel) -> AsyncIterator[PostgresqlReadModelWriter]:
    writer = await read_model.writer()
    yield writer
    await writer.close()


async def partitioned_log(*history: AnyEvent, partitions: int = 4) -> MemoryEventLog:
    log = MemoryEventLog(partitions)
    for index, payload in enumerate(history):
        await log.append([envelope(index, payload)])
    return log


async def test_the_tables_made_by_migrations_are_those_that_the_code_writes(read_model: PostgresqlReadModel) -> None:
    schema = schema_of(read_model.generation)
    await migrations.check(read_model.dsn, schema=schema, history=HISTORY, metadata=metadata)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(history=histories, ends=st.lists(st.integers(0, 40), max_size=3))
async def test_rows_are_those_of_sqlite_however_the_log_was_batched(
    read_model: PostgresqlReadModel, history: list[AnyEvent], ends: list[int]
) -> None:
    log = await log_of(*history)
    await read_model.empty()
    await read_model.fold(log, ends)
    with tempfile.TemporaryDirectory() as folder:
        in_sqlite = await projected(Path(folder), log)
        assert await read_model.all_rows() == sqlite_rows(in_sqlite.path)


async def test_a_history_of_many_chunks_is_that_of_sqlite(read_model: PostgresqlReadModel, tmp_path: Path) -> None:
    points = [metric(step=step, value=step / 7) for step in range(1200)]
    log = await log_of(experiment(), created(), *points)
    await read_model.fold(log, [3, 4, 300, 514, 515, 1100])
    assert await read_model.all_rows() == sqlite_rows((await projected(tmp_path, log)).path)


# --- fences -----------------------------------------------------------------------------------------------------------


async def test_a_worker_that_lost_its_partition_writes_nothing(
    read_model: PostgresqlReadModel, writer: PostgresqlReadModelWriter
) -> None:
    await read_model.fold(await log_of(experiment()))
    with pytest.raises(Fenced, match="0:0"):
        await writer.commit((), (), (), {0: CheckpointMove(0, 2, b"")})
    assert await read_model.rows("SELECT next_offset FROM checkpoints") == [(1,)]
    await writer.commit((), (), (), {0: CheckpointMove(1, 2, b"")})  # the connection is none the worse for it


async def test_a_worker_whose_read_model_was_retired_writes_nothing(
    read_model: PostgresqlReadModel, writer: PostgresqlReadModelWriter
) -> None:
    await writer.checkpoints({0})
    await read_model.rows(f"UPDATE {CONTROL_SCHEMA}.read_models SET state = 'retired'")
    with pytest.raises(Superseded):
        await writer.commit((), (), (), {0: CheckpointMove(0, 1, b"")})
    assert await read_model.rows("SELECT next_offset FROM checkpoints") == [(0,)]


async def test_a_worker_whose_read_model_was_dropped_is_told_so(
    read_model: PostgresqlReadModel, writer: PostgresqlReadModelWriter
) -> None:
    async with generations.connected(read_model.dsn) as connection:
        await generations.drop(connection, read_model.generation)
    with pytest.raises(DamagedReadModel):
        await writer.read(Read("experiments", ("name",), "experiment_id", {1}))


WAITING_COMMITS = (
    "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)


async def test_a_commit_waits_while_its_read_model_is_held_still_and_then_sees_what_happened(
    read_model: PostgresqlReadModel, writer: PostgresqlReadModelWriter
) -> None:
    await writer.checkpoints({0})
    other = await read_model.beside()
    async with generations.connected(read_model.dsn) as connection:
        async with generations.held_still(connection, read_model.generation):
            commit = asyncio.create_task(writer.commit((), (), (), {0: CheckpointMove(0, 1, b"")}))
            while not await read_model.rows(WAITING_COMMITS):
                assert not commit.done()
                await asyncio.sleep(0.01)
            await generations.switch(connection, read_model.generation, other.generation)
        with pytest.raises(Superseded):
            await commit


async def test_a_lost_connection_is_told_as_such(
    read_model: PostgresqlReadModel, writer: PostgresqlReadModelWriter
) -> None:
    await writer.checkpoints({0})
    await read_model.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tracklog projector'"
        " AND datname = current_database()"
    )
    with pytest.raises(ReadModelUnavailable):
        await writer.read(Read("experiments", ("name",), "experiment_id", {1}))
    with pytest.raises(ReadModelUnavailable):
        await PostgresqlReadModelWriter.open("postgresql://nobody@127.0.0.1:1/none", 1)


# --- what cannot be written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("culprit", [2, 3, 7])
@pytest.mark.parametrize(
    "event",
    [
        RunDataLogged(run_id=RUNS[0], tags=[Tag("t", "a\0b")]),
        RunDataLogged(run_id=RUNS[0], params=[Param("\0", "v")]),
        replace(created(RUNS[0]), start_time_ms=2**63),
    ],
    ids=["NUL in a value", "NUL in a key that is looked up", "a number out of range"],
)
async def test_what_postgresql_cannot_keep_is_set_aside_with_its_stream_only(
    read_model: PostgresqlReadModel, event: AnyEvent, culprit: int
) -> None:
    others = [metric(step=step) for step in range(5)]
    bystanders = [replace(one, run_id=RUNS[1]) for one in others]
    history: list[AnyEvent] = [experiment(), created(RUNS[1]), *bystanders, created(RUNS[2])]
    history.insert(culprit, event)
    log = await log_of(*history, *others)
    await read_model.fold(log)
    found = await read_model.rows('SELECT "offset", reason FROM set_aside ORDER BY 1')
    assert found[0][0] == culprit
    assert [row[0] for row in found[1:]] == list(range(len(history), len(history) + len(others)))
    assert await read_model.rows("SELECT points FROM latest_metrics") == [(5,)]
    assert await read_model.rows("SELECT next_offset FROM checkpoints") == [(len(history) + len(others),)]


async def test_what_could_not_be_written_is_folded_after_a_fix(read_model: PostgresqlReadModel) -> None:
    bad = RunDataLogged(run_id=RUNS[0], tags=[Tag("t", "a\0b")])
    log = await log_of(experiment(), created(), bad, metric(step=3))
    await read_model.fold(log)
    assert len(await read_model.rows("SELECT * FROM set_aside")) == 2
    await read_model.fold(log)  # no fix yet: nothing changes
    assert len(await read_model.rows("SELECT * FROM set_aside")) == 2
    mended = await log_of(experiment(), created(), RunDataLogged(run_id=RUNS[0], tags=[Tag("t", "ab")]))
    log._events[0][2] = mended._events[0][2]
    await read_model.fold(log)
    assert await read_model.rows("SELECT * FROM set_aside") == []
    assert await read_model.rows("SELECT step FROM latest_metrics") == [(3,)]
    assert await read_model.rows("SELECT value FROM tags WHERE key = 't'") == [("ab",)]


@pytest.mark.parametrize("ends", [[], [3], [4]])
async def test_a_nul_is_set_aside_though_a_later_event_covers_it_up(
    read_model: PostgresqlReadModel, ends: list[int]
) -> None:
    tagged = [RunDataLogged(run_id=RUNS[0], tags=[Tag("t", value)]) for value in ("a\0b", "c")]
    await read_model.fold(await log_of(experiment(), created(), *tagged), ends)
    assert await read_model.rows('SELECT "offset" FROM set_aside ORDER BY 1') == [(2,), (3,)]


async def test_a_backslash_before_u0000_is_no_nul(read_model: PostgresqlReadModel) -> None:
    tagged = RunDataLogged(run_id=RUNS[0], tags=[Tag("t", r"\u0000 \\u0000")])
    await read_model.fold(await log_of(experiment(), created(), tagged))
    assert await read_model.rows("SELECT value FROM tags WHERE key = 't'") == [(r"\u0000 \\u0000",)]


async def test_a_stream_whose_name_postgresql_cannot_keep_is_set_aside_and_stays_so(
    read_model: PostgresqlReadModel,
) -> None:
    named = replace(metric(), run_id="a\0b")
    log = await log_of(experiment(), named, named)
    await read_model.fold(log, [2])
    await read_model.fold(log)
    streams = [("run/a\N{REPLACEMENT CHARACTER}b",)] * 2
    assert await read_model.rows("SELECT stream FROM set_aside") == streams


async def test_a_worker_looks_after_what_is_set_aside_in_its_own_partitions(read_model: PostgresqlReadModel) -> None:
    log = await partitioned_log(*[metric(), replace(metric(), run_id=RUNS[1]), replace(metric(), run_id="d" * 32)])
    await read_model.fold(log)
    partition, count = (
        await read_model.rows("SELECT partition, count(*) FROM set_aside GROUP BY partition ORDER BY 2 LIMIT 1")
    )[0]
    writer = await read_model.writer()
    worker = ProjectorWorker(log, writer, FixedAssignment({partition}))
    await worker.start()
    assert worker.set_aside_count == count < 3
    await writer.close()


# --- many at once -----------------------------------------------------------------------------------------------------


async def test_runs_of_several_workers_have_numbers_of_their_own(read_model: PostgresqlReadModel) -> None:
    runs = [created(f"{one:032x}") for one in range(400)]
    log = await partitioned_log(experiment(), *runs)
    workers = [ProjectorWorker(log, await read_model.writer(), FixedAssignment({one})) for one in range(4)]
    for worker in workers:
        await worker.start()
    await asyncio.gather(*(worker.fold_once() for worker in workers))
    assert await read_model.rows("SELECT count(DISTINCT run_number), count(DISTINCT run_id) FROM runs") == [(400, 400)]
    for worker in workers:
        await worker._read_model.close()


async def test_workers_that_write_the_same_datasets_at_once_all_succeed(read_model: PostgresqlReadModel) -> None:
    ids = [f"{one:032x}" for one in range(40)]
    orders = [list(range(30)), list(range(29, -1, -1))]
    logged = [
        RunInputsLogged(
            run_id=run_id,
            datasets=[DatasetInput(name=f"d{one}", digest="1", source=run_id) for one in orders[index % 2]],
        )
        for index, run_id in enumerate(ids)
    ]
    log = await partitioned_log(*map(created, ids), *logged)
    readers = [FixedAssignment({one}) for one in range(4)]
    workers = [ProjectorWorker(log, await read_model.writer(), one) for one in readers]
    for worker in workers:
        await worker.start()
    end = await log.end()
    await asyncio.gather(*(worker.fold_until({one: end[one]}) for one, worker in enumerate(workers)))
    # The first event that described them, whichever worker came first.
    assert await read_model.rows("SELECT DISTINCT source FROM datasets") == [(ids[0],)]
    for worker in workers:
        await worker._read_model.close()


# --- progress ---------------------------------------------------------------------------------------------------------


class Heard:
    """What a listener hears."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self.messages.put_nowait(str(payload))

    async def next(self) -> Committed:
        async with asyncio.timeout(60):
            return progress_message.decode((await self.messages.get()).encode())


@pytest.fixture
async def heard(read_model: PostgresqlReadModel) -> AsyncIterator[Heard]:
    connection = await asyncpg.connect(read_model.dsn)
    heard = Heard()
    await connection.add_listener(PROGRESS_CHANNEL, heard)
    yield heard
    await connection.close()


async def test_a_commit_says_where_it_came_to_and_what_it_refused(
    read_model: PostgresqlReadModel, heard: Heard
) -> None:
    await read_model.fold(await log_of(experiment(1, "x"), experiment(2, "x"), metric()))
    assert await heard.next() == Committed(read_model.generation, {0: 3}, [(0, 1)], set_aside=1)


async def test_a_commit_that_refuses_many_says_only_that(read_model: PostgresqlReadModel, heard: Heard) -> None:
    many = progress_message.MAX_NOTIFIED_REFUSALS
    await read_model.fold(await log_of(*[experiment(one, "x") for one in range(many + 1)]))
    assert len((await heard.next()).refused or ()) == many
    await read_model.empty()
    await read_model.fold(await log_of(*[experiment(one, "x") for one in range(many + 2)]))
    assert (await heard.next()).refused is None


async def test_a_read_model_that_is_built_says_nothing(read_model: PostgresqlReadModel, heard: Heard) -> None:
    await (await read_model.beside()).fold(await log_of(experiment()))
    await read_model.fold(await log_of(experiment()))
    assert (await heard.next()).generation == read_model.generation
