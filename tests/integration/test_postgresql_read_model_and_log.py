"""A read model in PostgreSQL that does not belong to its log is served to nobody, and a new one is folded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from event_log.fixed_assignment import FixedAssignment
from event_log.memory_event_log import MemoryEventLog
from event_log.port import LogUnavailable
from event_log.postgresql.control_schema import ensure_control_schema
from projector.postgresql_projector import PostgresqlProjector
from read_model import belonging
from read_model.postgresql_connections import PostgresqlReadModelConnections
from read_model.postgresql_progress import PostgresqlProgress
from read_model.progress import ProjectionBehind
from schemas.envelope import Positions
from schemas.errors import TemporarilyUnavailable
from schemas.postgresql import CONTROL_SCHEMA, schema_of
from tests.eventually import AT_MOST_S
from tests.unit.projector.histories import created, envelope, experiment
from tracklog.distributed.gated_log import GatedLog

WAIT_S = AT_MOST_S


async def log_of(runs: Sequence[int], like: MemoryEventLog | None = None) -> MemoryEventLog:
    """A log of these runs; `like`: the same log, as it was at another time."""
    log = MemoryEventLog()
    if like is not None:
        log._id = like._id
    await log.append([envelope(0, experiment())])
    for run in runs:
        await log.append([envelope(run, created(f"{run:032x}"))])
    return log


class Server:
    """What a role that answers has of a read model."""

    def __init__(self, dsn: str, log: MemoryEventLog) -> None:
        self.log = log
        self.connections = PostgresqlReadModelConnections(dsn, log._id, size=2)
        self.progress = PostgresqlProgress(dsn, self.connections, self._fault)
        self.gate = GatedLog(log, lambda: self.progress.stray)

    async def _fault(self, log_id: str | None, checkpoints: Positions) -> str | None:
        return belonging.fault(log_id, checkpoints, await self.log.identity(), await self.log.end())

    async def runs(self) -> list[int] | str:
        """The runs that a reader is shown, or why none are."""
        try:
            await self.progress.wait_until(await self.log.end(), WAIT_S)
            async with self.connections.acquire() as connection:
                return [int(row[0], 16) for row in await connection.fetch("SELECT run_id FROM runs ORDER BY run_id")]
        except (TemporarilyUnavailable, ProjectionBehind) as error:
            return error.message

    async def until_well(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while self.progress.missing is not None:
                await asyncio.sleep(0.02)

    async def until_refused(self) -> str:
        async with asyncio.timeout(WAIT_S):
            while self.progress.stray is None:
                await asyncio.sleep(0.02)
        return self.progress.stray


@pytest.fixture
async def dsn(postgresql_database: str) -> str:
    await ensure_control_schema(postgresql_database)
    return postgresql_database


@asynccontextmanager
async def serving(dsn: str, log: MemoryEventLog) -> AsyncIterator[Server]:
    server = Server(dsn, log)
    server.progress.start()
    try:
        yield server
    finally:
        await server.progress.close()
        await server.connections.close()


@asynccontextmanager
async def projecting(dsn: str, log: MemoryEventLog) -> AsyncIterator[PostgresqlProjector]:
    projection = PostgresqlProjector(dsn, log, lambda generation: FixedAssignment(frozenset({0})))
    running = asyncio.create_task(projection.run())
    try:
        yield projection
    finally:
        running.cancel()
        await asyncio.wait([running])


async def fold(dsn: str, log: MemoryEventLog) -> None:
    async with projecting(dsn, log), serving(dsn, log) as server:
        await server.until_well()
        await server.progress.wait_until(await log.end(), WAIT_S)


async def states(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch(f"SELECT state FROM {CONTROL_SCHEMA}.read_models ORDER BY 1")]
    finally:
        await connection.close()


async def test_an_older_log_put_back_is_served_only_when_it_is_folded_anew(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = await log_of([1, 2, 3])
    await fold(dsn, log)
    older = await log_of([1], like=log)
    async with serving(dsn, older) as server:
        sentence = await server.until_refused()
        assert "folded up to 0:4, and the log" in sentence
        assert "ends at 0:2" in sentence
        assert await server.runs() == sentence
        with pytest.raises(LogUnavailable, match="does not belong"):
            await server.gate.append([envelope(9, created(f"{9:032x}"))])
        async with projecting(dsn, older):
            await server.until_well()
            assert await server.runs() == [1]
            await server.gate.append([envelope(9, created(f"{9:032x}"))])
            assert await server.runs() == [1, 9]
    assert await states(dsn) == ["live"]
    assert f"the read model {schema_of(1)} does not belong to its log: it is folded up to 0:4" in caplog.text


async def test_a_log_that_went_another_way_and_is_as_long_is_folded_anew(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As of a replica that took over without the newest events, and took others before anybody looked."""
    log = await log_of([1, 2, 3])
    await fold(dsn, log)
    another_way = await log_of([1, 4, 5, 6], like=log)
    async with projecting(dsn, another_way) as projection, serving(dsn, another_way) as server:
        async with asyncio.timeout(WAIT_S):
            while projection.generation is None or projection.generation.number == 1:
                await asyncio.sleep(0.02)
        await server.until_well()
        assert await server.runs() == [1, 4, 5, 6]
    assert "the last event it folded, 0:3, had the id" in caplog.text


async def test_a_log_that_lost_its_end_while_servers_run_is_folded_anew(dsn: str) -> None:
    log = await log_of([1, 2, 3])
    async with projecting(dsn, log) as projection, serving(dsn, log) as server:
        await server.until_well()
        assert await server.runs() == [1, 2, 3]
        assert projection.generation is not None
        before = projection.generation.number
        del log._events[0][2:]
        assert "ends at 0:2" in await server.until_refused()
        await server.until_well()
        assert await server.runs() == [1]
        assert projection.generation.number > before


async def test_each_log_has_a_read_model_of_its_own_in_one_database(dsn: str) -> None:
    """As when a server is started with the name of another topic: it neither shows the first one's runs nor ends it."""
    log, other = await log_of([1, 2]), await log_of([7])
    async with projecting(dsn, log), serving(dsn, log) as server:
        await server.until_well()
        async with serving(dsn, other) as stranger:
            assert "no read model" in str(stranger.progress.missing)
            async with projecting(dsn, other):
                await stranger.until_well()
                assert await stranger.runs() == [7]
                assert await server.runs() == [1, 2]
    assert await states(dsn) == ["live", "live"]


async def test_a_read_model_that_the_list_calls_by_the_id_of_another_log_is_not_believed(dsn: str) -> None:
    """As when the list came back with a dump of another log, and the tables did not."""
    log, other = await log_of([1, 2]), await log_of([7])
    await fold(dsn, log)
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"UPDATE {CONTROL_SCHEMA}.read_models SET log_id = $1", other._id)
    await connection.close()
    async with serving(dsn, other) as server:
        assert "it was folded from the log" in await server.until_refused()
        async with projecting(dsn, other):
            await server.until_well()
            assert await server.runs() == [7]


async def test_tables_that_an_older_list_knows_nothing_of_are_in_nobodys_way(dsn: str) -> None:
    """As when the list came back from a dump, and a read model made since then is still there."""
    log = await log_of([1, 2])
    await fold(dsn, log)
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"DELETE FROM {CONTROL_SCHEMA}.read_models")
    await connection.execute(f"ALTER TABLE {CONTROL_SCHEMA}.read_models ALTER COLUMN generation RESTART")
    await connection.close()
    older = await log_of([1], like=log)
    async with projecting(dsn, older), serving(dsn, older) as server:
        await server.until_well()
        assert await server.runs() == [1]
