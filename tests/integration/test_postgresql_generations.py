"""Generations of the read model in PostgreSQL: made once, upgraded beside one another, rebuilt, compared, switched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from event_log.fixed_assignment import FixedAssignment
from event_log.memory_event_log import MemoryEventLog
from event_log.postgresql.control_schema import ensure_control_schema
from projector import postgresql_generations as generations
from projector.postgresql_generations import Generation
from projector.postgresql_projector import PostgresqlProjector
from projector.postgresql_rebuild import rebuild_postgresql
from projector.rebuild import RebuildUnderWay, Rebuilt
from read_model.tables import SCHEMA_VERSION, metadata
from schemas.events import AnyEvent
from schemas.postgresql import CONTROL_SCHEMA, READ_MODELS_CHANNEL, schema_of
from tests.eventually import AT_MOST_S
from tests.integration.logs_in_files import keep, open_kept
from tests.integration.postgresql_read_models import PostgresqlReadModel
from tests.unit.projector.histories import RUNS, created, envelope, experiment, metric

PARTITIONS = 3
READ_MODELS = f"SELECT generation, state FROM {CONTROL_SCHEMA}.read_models ORDER BY 1"


@pytest.fixture
async def dsn(postgresql_database: str) -> str:
    await ensure_control_schema(postgresql_database)
    return postgresql_database


@pytest.fixture
async def log() -> MemoryEventLog:
    log = MemoryEventLog(PARTITIONS)
    payloads: list[AnyEvent] = [experiment(), *map(created, RUNS), *(metric(step=step) for step in range(50))]
    for index, payload in enumerate(payloads):
        await log.append([envelope(index, payload)])
    return log


async def rows(dsn: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


@asynccontextmanager
async def projecting(dsn: str, log: MemoryEventLog) -> AsyncIterator[PostgresqlProjector]:
    """A projector of the whole log, as long as the block lasts."""
    projection = PostgresqlProjector(dsn, log, lambda generation: FixedAssignment(frozenset(range(PARTITIONS))))
    running = asyncio.create_task(projection.run())
    try:
        yield projection
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


async def caught_up(projection: PostgresqlProjector, log: MemoryEventLog) -> None:
    async with asyncio.timeout(AT_MOST_S):
        while projection.checkpoint != await log.end() or projection.generation is None:
            await asyncio.sleep(0.02)


async def rebuilt(dsn: str, log: MemoryEventLog, *, accept: bool = False, grace_s: float = 0.0) -> Rebuilt:
    async def open_log() -> MemoryEventLog:
        return log

    return await rebuild_postgresql(
        dsn, open_log, lambda reached, end: None, workers=1, accept_differences=accept, grace_s=grace_s
    )


# --- making -----------------------------------------------------------------------------------------------------------


async def test_projectors_that_start_at_once_agree_on_one_generation(dsn: str, log: MemoryEventLog) -> None:
    found = await asyncio.gather(*(generations.ensure(dsn, log) for _ in range(5)))
    assert set(found) == {Generation(found[0].number, SCHEMA_VERSION, "live", await log.identity())}
    assert len(await rows(dsn, READ_MODELS)) == 1


async def test_a_read_model_whose_schema_was_deleted_is_folded_again(dsn: str, log: MemoryEventLog) -> None:
    lost = await generations.ensure(dsn, log)
    await rows(dsn, f"DROP SCHEMA {schema_of(lost.number)} CASCADE")
    async with projecting(dsn, log) as projection:
        await caught_up(projection, log)
        assert projection.generation is not None
        assert projection.generation.number > lost.number
    assert [state for _, state in await rows(dsn, READ_MODELS)] == ["live"]


async def test_a_projection_goes_on_after_its_connections_were_cut(dsn: str, log: MemoryEventLog) -> None:
    async with projecting(dsn, log) as projection:
        for step in range(3):
            await caught_up(projection, log)
            await rows(
                dsn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()",
            )
            await log.append([envelope(1000 + step, metric("later", step=step))])
        await caught_up(projection, log)
    [live] = await generations_listed(dsn)
    assert await rows(dsn, f"SELECT points FROM {schema_of(live)}.latest_metrics WHERE key = 'later'") == [(3,)]


async def generations_listed(dsn: str) -> list[int]:
    async with generations.connected(dsn) as connection:
        return [one.number for one in await generations.generations(connection)]


# --- upgrades ---------------------------------------------------------------------------------------------------------


async def an_older_version(dsn: str, log: MemoryEventLog) -> int:
    """A live generation, as a projector of the version before left it."""
    older = await generations.ensure(dsn, log)
    await rows(dsn, f"UPDATE {CONTROL_SCHEMA}.read_models SET schema_version = {SCHEMA_VERSION - 1}")
    return older.number


async def test_a_new_version_is_built_beside_the_old_one_and_goes_live_when_it_caught_up(
    dsn: str, log: MemoryEventLog
) -> None:
    older = await an_older_version(dsn, log)
    newer = await generations.ensure(dsn, log)
    assert newer.state == "building"
    heard: asyncio.Queue[object] = asyncio.Queue()
    connection = await asyncpg.connect(dsn)
    await connection.add_listener(READ_MODELS_CHANNEL, lambda *said: heard.put_nowait(said[-1]))
    async with projecting(dsn, log) as projection:
        async with asyncio.timeout(AT_MOST_S):
            assert await heard.get() == str(newer.number)
        await caught_up(projection, log)
    await connection.close()
    assert await rows(dsn, READ_MODELS) == [(older, "live"), (newer.number, "live")]


async def test_a_read_model_far_behind_the_log_does_not_go_live(dsn: str) -> None:
    log = MemoryEventLog(PARTITIONS)
    for index in range(2100):
        await log.append([envelope(index, metric(step=index))])
    await an_older_version(dsn, log)
    newer = await generations.ensure(dsn, log)
    assert not await generations.promote_when_caught_up(dsn, newer.number, log)
    await PostgresqlReadModel(dsn, newer.number, newer.log_id).fold(log)
    assert await generations.promote_when_caught_up(dsn, newer.number, log)


async def test_what_older_versions_left_is_dropped_when_asked_for(dsn: str, log: MemoryEventLog) -> None:
    older = await an_older_version(dsn, log)
    newer = await generations.ensure(dsn, log)
    assert await generations.retire_older_versions(dsn) == []  # the new one answers nobody yet
    assert await generations.promote_when_caught_up(dsn, newer.number, MemoryEventLog(0))
    assert await generations.retire_older_versions(dsn) == [older]
    assert await rows(dsn, f"SELECT to_regnamespace('{schema_of(older)}')::text") == [(None,)]


# --- rebuilds ---------------------------------------------------------------------------------------------------------


async def test_a_rebuild_takes_over_while_a_projector_goes_on(dsn: str, log: MemoryEventLog) -> None:
    async with projecting(dsn, log) as projection:
        await caught_up(projection, log)
        assert projection.generation is not None
        before = projection.generation.number
        rebuilding = asyncio.create_task(rebuilt(dsn, log))
        written = 0
        while not rebuilding.done():
            await log.append([envelope(1000 + written, metric("meanwhile", step=written))])
            written += 1
            await asyncio.sleep(0.002)
        assert (await rebuilding).switched
        assert (await rebuilding).differences == []
        await log.append([envelope(1000 + written, metric("meanwhile", step=written))])
        await caught_up(projection, log)
        after = projection.generation.number
    assert await rows(dsn, READ_MODELS) == [(after, "live")]
    assert after != before
    [(points,)] = await rows(dsn, f"SELECT points FROM {schema_of(after)}.latest_metrics WHERE key = 'meanwhile'")
    assert points == written + 1


async def test_a_rebuilt_read_model_has_all_its_indexes(dsn: str, log: MemoryEventLog) -> None:
    live = await PostgresqlReadModel.live(dsn, log)
    await live.fold(log)
    await rebuilt(dsn, log)
    wanted = {index.name for table in metadata.tables.values() for index in table.indexes}
    [number] = await generations_listed(dsn)
    found = await rows(dsn, f"SELECT indexname FROM pg_indexes WHERE schemaname = '{schema_of(number)}'")
    assert wanted <= {name for (name,) in found}


async def test_a_rebuild_that_differs_is_not_switched_in_unless_accepted(dsn: str, log: MemoryEventLog) -> None:
    live = await PostgresqlReadModel.live(dsn, log)
    await live.fold(log)
    await live.rows("UPDATE latest_metrics SET value_json = '7.0'")
    refused = await rebuilt(dsn, log)
    assert not refused.switched
    assert {(one.table, one.side) for one in refused.differences or ()} == {
        ("latest_metrics", "live"),
        ("latest_metrics", "rebuilt"),
    }
    assert (live.generation, "live") in await rows(dsn, READ_MODELS)
    assert (await rebuilt(dsn, log, accept=True)).switched
    [number] = await generations_listed(dsn)
    assert await rows(dsn, f"SELECT value_json FROM {schema_of(number)}.latest_metrics") == [("1.0",)]


async def test_a_rebuild_broken_off_goes_on_where_it_was(dsn: str, log: MemoryEventLog) -> None:
    live = await PostgresqlReadModel.live(dsn, log)
    await live.fold(log)
    building = await live.beside()
    await building.fold(log)  # all of it, by the rebuild that was broken off
    seen: list[int] = []

    async def open_log() -> MemoryEventLog:
        return log

    result = await rebuild_postgresql(dsn, open_log, lambda reached, end: seen.append(reached), workers=1, grace_s=0)
    assert result.switched
    assert await generations_listed(dsn) == [building.generation]


async def test_a_broken_off_rebuild_that_is_ahead_of_the_live_read_model_begins_again(
    dsn: str, log: MemoryEventLog
) -> None:
    """PostgreSQL crashed, and the live one lost its last commits."""
    live = await PostgresqlReadModel.live(dsn, log)
    building = await live.beside()
    await building.fold(log)
    assert (await rebuilt(dsn, log)).switched
    assert await generations_listed(dsn) != [building.generation]


async def test_only_one_rebuild_goes_on_at_a_time(dsn: str, log: MemoryEventLog) -> None:
    await PostgresqlReadModel.live(dsn, log)
    outcomes = await asyncio.gather(rebuilt(dsn, log, grace_s=0.5), rebuilt(dsn, log), return_exceptions=True)
    assert [isinstance(one, RebuildUnderWay) for one in outcomes].count(True) == 1
    assert [isinstance(one, Rebuilt) for one in outcomes].count(True) == 1


async def test_a_retired_read_model_is_kept_until_its_readers_have_left(dsn: str, log: MemoryEventLog) -> None:
    live = await PostgresqlReadModel.live(dsn, log)
    await live.fold(log)
    rebuilding = asyncio.create_task(rebuilt(dsn, log, grace_s=1.0))
    async with asyncio.timeout(AT_MOST_S):
        while (live.generation, "retired") not in await rows(dsn, READ_MODELS):
            await asyncio.sleep(0.02)
    assert await live.rows("SELECT count(*) FROM runs") == [(len(RUNS),)]
    await rebuilding
    assert live.generation not in await generations_listed(dsn)


async def test_a_rebuild_by_several_processes_gives_the_same_rows(dsn: str, tmp_path: Path) -> None:
    log = MemoryEventLog(PARTITIONS)
    payloads: list[AnyEvent] = [experiment(), *(created(f"{one:032x}") for one in range(21_000))]
    for index, payload in enumerate(payloads):
        await log.append([envelope(index, payload)])
    keep(log, tmp_path / "log")
    live = await PostgresqlReadModel.live(dsn, log)
    await live.fold(log)
    assert await generations.promote_when_caught_up(dsn, live.generation, log)
    seen: list[int] = []
    result = await rebuild_postgresql(
        dsn, partial(open_kept, tmp_path / "log"), lambda reached, end: seen.append(reached), workers=2, grace_s=0
    )
    assert result == Rebuilt(len(payloads), [], switched=True)
    assert seen == sorted(seen)
