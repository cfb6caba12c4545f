"""A new read model in PostgreSQL from the log alone, in a schema beside the live one."""

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from event_log.fixed_assignment import FixedAssignment
from event_log.port import EventLogReader
from projector import postgresql_generations as generations
from projector import rebuild
from projector.compare import Difference, questions
from projector.postgresql_generations import Connection
from projector.postgresql_writer import FENCE_LOCK, PostgresqlReadModelWriter
from projector.rebuild import ReadModels, RebuildUnderWay, Rebuilt
from projector.worker import ProjectorWorker
from read_model.tables import SCHEMA_VERSION, metadata
from schemas.envelope import Positions
from schemas.postgresql import schema_of

_REBUILD_LOCK: Final = -1
"""Of the class FENCE_LOCK: a rebuild holds it."""

GRACE_S: Final = 10.0
"""Readers follow a switch within a second or so; those that were cut off from PostgreSQL meanwhile, later."""

_ALONE_EVENTS: Final = 20_000
"""Fewer events than this are not worth starting processes for."""
_REPORT_S: Final = 0.5
_INDEX_MEMORY: Final = "256MB"

OpenLog = Callable[[], Awaitable[EventLogReader]]
"""Opens the log. It is sent to worker processes: a function of a module, or a `functools.partial` of one."""


async def rebuild_postgresql(
    dsn: str,
    open_log: OpenLog,
    on_progress: Callable[[int, int], None],
    *,
    workers: int,
    accept_differences: bool = False,
    grace_s: float = GRACE_S,
) -> Rebuilt:
    """Fold the whole log into a new generation and switch to it; reads and writes go on meanwhile.

    `on_progress` is called with the number of events folded and of all there are. `workers` processes share the
    partitions. A rebuild that was broken off goes on where it was. The switch is refused when the new rows differ from
    the live ones, unless `accept_differences`. The old generation is dropped after `grace_s`, which readers have to
    follow. The schema of `schemas.control` must be there.
    Raises RebuildUnderWay when another process is at it, ReadModelUnavailable, LogUnavailable.
    """
    log = await open_log()
    try:
        live = await generations.ensure(dsn, log)
        if live.state != "live":
            raise RebuildUnderWay(
                f"Generation {live.number} of the read model is being built by the projectors already."
            )
        async with generations.connected(dsn) as connection, _alone(connection), _compared(dsn) as comparing:
            if (fault := await generations.belonging_fault(connection, live.number, log)) is not None:
                raise RebuildUnderWay(
                    f"The read model does not belong to the log: {fault}. A projector makes a new one."
                )
            building = await _building(dsn, connection, live.number, await log.identity())
            schemas = _Schemas(dsn, open_log, log, connection, comparing, live.number, building, workers)
            async with _reporting(dsn, log, building, on_progress):
                rebuilt = await rebuild.rebuild(schemas, log, accept_differences=accept_differences)
            if rebuilt.switched:
                await asyncio.sleep(grace_s)
                async with generations.alone(connection):
                    await generations.drop_retired(connection)
            return rebuilt
    finally:
        await log.close()


class _Schemas(ReadModels):
    """The schema that is live, and the one that is built without its indexes until it is compared."""

    def __init__(
        self,
        dsn: str,
        open_log: OpenLog,
        log: EventLogReader,
        connection: Connection,
        comparing: Connection,
        live: int,
        building: int,
        workers: int,
    ) -> None:
        self._dsn = dsn
        self._open_log = open_log
        self._log = log
        self._connection = connection
        self._comparing = comparing
        self._live = live
        self._building = building
        self._workers = workers

    async def live(self) -> Positions | None:
        return await generations.checkpoints_of(self._connection, self._live)

    async def built(self) -> Positions:
        return await generations.checkpoints_of(self._connection, self._building)

    async def fold_until(self, end: Positions) -> None:
        built = await self.built()
        left = {one: offset - built.get(one, 0) for one, offset in end.items() if offset > built.get(one, 0)}
        if not left:
            return
        if self._workers == 1 or len(left) == 1 or sum(left.values()) < _ALONE_EVENTS:
            await _fold(self._dsn, self._building, self._log, {one: end[one] for one in left})
            return
        largest_first = sorted(left, key=lambda one: -left[one])
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self._workers, len(left)), mp_context=context) as processes:
            loop = asyncio.get_running_loop()
            parts = [
                loop.run_in_executor(
                    processes, _fold_in_process, os.getpid(), self._dsn, self._building, self._open_log, {one: end[one]}
                )
                for one in largest_first
            ]
            try:
                await asyncio.gather(*parts)
            finally:
                processes.shutdown(wait=False, cancel_futures=True)

    async def differences(self) -> list[Difference]:
        await self._finish_tables()
        async with self.held_still() as checkpoints:
            await self.fold_until(checkpoints)
            # Both at the same events in one snapshot, which lasts when the live one goes on.
            await self._comparing.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1")
        asked = questions(schema_of(self._live), schema_of(self._building), lambda value: f"md5({value})")
        answers = [
            Difference(one.table, one.side, [tuple(row) for row in await self._comparing.fetch(one.sql)])
            for one in asked
        ]
        await self._comparing.execute("COMMIT")
        return [answer for answer in answers if answer.rows]

    @contextlib.asynccontextmanager
    async def held_still(self) -> AsyncIterator[Positions]:
        async with generations.held_still(self._connection, self._live):
            yield await generations.checkpoints_of(self._connection, self._live)

    async def switch(self) -> None:
        await generations.switch(self._connection, self._live, self._building)

    async def _finish_tables(self) -> None:
        """Indexes are made faster of rows that are there than row by row; and plans need to know the rows."""
        await self._connection.execute(f"SET maintenance_work_mem = '{_INDEX_MEMORY}'")
        await generations.create_missing_indexes(self._connection, self._building)
        for table in metadata.sorted_tables:
            await self._connection.execute(f"VACUUM (ANALYZE) {schema_of(self._building)}.{table.name}")


async def _fold(dsn: str, generation: int, log: EventLogReader, end: Positions) -> None:
    writer = await PostgresqlReadModelWriter.open(dsn, generation)
    try:
        worker = ProjectorWorker(log, writer, FixedAssignment(end.keys()))
        await worker.start()
        await worker.fold_until(end)
    finally:
        await writer.close()


def _fold_in_process(parent: int, dsn: str, generation: int, open_log: OpenLog, end: Positions) -> None:
    async def fold() -> None:
        watching = asyncio.create_task(_leave_with(parent))
        log = await open_log()
        try:
            await _fold(dsn, generation, log, end)
        finally:
            await log.close()
            watching.cancel()

    asyncio.run(fold())


async def _leave_with(parent: int) -> None:
    """End when the process that wanted this fold is gone: the next rebuild must find its generation at rest."""
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(_REPORT_S)
    os._exit(1)


@contextlib.asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    """Hold the right to rebuild, which ends with the connection at the latest."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", FENCE_LOCK, _REBUILD_LOCK):
        raise RebuildUnderWay("The read model of this database is being rebuilt by another process.")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", FENCE_LOCK, _REBUILD_LOCK)


@contextlib.asynccontextmanager
async def _compared(dsn: str) -> AsyncIterator[Connection]:
    async with generations.connected(dsn) as connection:
        await connection.execute(f"SET work_mem = '{_INDEX_MEMORY}'")
        yield connection


async def _building(dsn: str, connection: Connection, live: int, log_id: str) -> int:
    """The generation of a rebuild that was broken off, if the live one is at least as far; else a new one."""
    async with generations.alone(connection):
        await generations.drop_retired(connection)
        ahead_of = await generations.checkpoints_of(connection, live)
        for one in await generations.generations(connection):
            if one.state == "building" and one.schema_version == SCHEMA_VERSION and one.log_id == log_id:
                built = await generations.checkpoints_of(connection, one.number)
                if all(offset <= ahead_of.get(partition, 0) for partition, offset in built.items()):
                    return one.number
                await generations.drop(connection, one.number)
        fresh = await generations.create(dsn, connection, "building", log_id)
        for table in metadata.sorted_tables:
            for index in table.indexes:
                await connection.execute(f"DROP INDEX IF EXISTS {schema_of(fresh.number)}.{index.name}")
        return fresh.number


@contextlib.asynccontextmanager
async def _reporting(
    dsn: str, log: EventLogReader, generation: int, on_progress: Callable[[int, int], None]
) -> AsyncIterator[None]:
    end = sum((await log.end()).values())

    async def report() -> None:
        async with generations.connected(dsn) as connection:
            while True:
                reached = sum((await generations.checkpoints_of(connection, generation)).values())
                on_progress(reached, max(end, reached))
                await asyncio.sleep(_REPORT_S)

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
