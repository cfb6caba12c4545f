"""The projector role: a worker that folds the log into the live read model, wherever that is, until told to stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Set
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import asyncpg
from prometheus_client.core import Metric

from event_log.port import EventLogReader, ForeignLog, LogUnavailable, PartitionAssignment
from event_log.postgresql.connection import no_connection
from event_log.postgresql.control_schema import ensure_control_schema
from projector.history_worker import HistoryWorker
from projector.postgresql_projector import PostgresqlProjector
from projector.worker import Observe, Progress
from query_api.server_routes import server_routes
from read_model.history.postgresql import PostgresqlHistoryIndexWriter
from read_model.linger import Linger
from read_model.postgresql_flush import flush_requests
from schemas.envelope import Positions
from schemas.errors import TemporarilyUnavailable
from schemas.migrations import ForeignDatabase
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS
from schemas.rest.route import Kind
from tracklog.background import work_of_process
from tracklog.distributed.availability import once_available
from tracklog.distributed.shared_log import assignment_in_group, open_shared_log, open_shared_reader
from tracklog.distributed.shared_proving import proving_on
from tracklog.distributed.shared_system import STALLED_S, end_if_known
from tracklog.memory.collector import collect_seldom
from tracklog.serving.greeting import greeting
from tracklog.serving.log_watch import LogWatch
from tracklog.serving.process import serve
from tracklog.serving.services import Services, ToldToStop
from tracklog.settings.process import Settings
from tracklog.settings.proof import NO_PROOF, ProofSettings
from tracklog.settings.store_uris import SharedStores
from tracklog.web.metrics import LogState, ProjectionCounts, log_metrics, projection_metrics

BATCH_S: Final = 4.0
"""How long the batch under way may take once the worker is told to stop. What is not committed is folded again."""

CONNECT_TIMEOUT_S: Final = 2.0

LOOK_S: Final = 3.0
"""How often it is looked at whether the database is still the one that it was."""

logger = logging.getLogger(__name__)

_IDENTITY: Final = (
    "SELECT system_identifier || '-' || oid FROM pg_control_system(), pg_database WHERE datname = current_database()"
)


class ProjectorRole:
    """A worker of the group that folds the log, its metrics and its readiness.

    `proof`: whether it also proves the partitions that it folds.
    """

    def __init__(self, stores: SharedStores, proof: ProofSettings = NO_PROOF) -> None:
        self._stores = stores
        self._proof = proof
        self._log: EventLogReader | None = None
        self._projector: PostgresqlProjector | None = None
        self._watch: LogWatch | None = None
        self._trouble = "The log is not open yet."
        self._moved_s = 0.0
        self.counts = ProjectionCounts()

    async def run(self, stopping: asyncio.Event) -> None:
        """Fold until `stopping` is set, then finish the batch under way and leave the group.

        Begins anew, as at a start, when another database has taken the place of the one that is folded into.
        Raises ForeignLog, and whatever is a fault of the program.
        """
        while not stopping.is_set():
            await self._run_in_one_database(stopping)

    async def _run_in_one_database(self, stopping: asyncio.Event) -> None:
        over = asyncio.Event()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_beside(_pass_on(stopping, over)))
            with contextlib.suppress(ToldToStop):
                database = await once_available(self._database, over)
                log = self._log = await once_available(self._open_log, over)
                stack.push_async_callback(log.close)
                self._watch = LogWatch(log)
                await stack.enter_async_context(self._watch.looking(over))
                await stack.enter_async_context(_beside(self._until_made_anew(database, over)))
                linger = Linger()
                history = HistoryWorker(
                    PostgresqlHistoryIndexWriter(self._stores.read_model.dsn),
                    partial(open_shared_reader, self._stores.event_log),
                    lambda: self._checkpoint,
                )

                def flush() -> None:
                    linger.flush()
                    history.flush()

                await stack.enter_async_context(flush_requests(self._stores.read_model.dsn, flush))
                partitions = len(await log.partitions())
                self._projector = self._projector_of(log, partitions, linger, history.observe, database, over)
                await stack.enter_async_context(proving_on(self._stores, self._proof, lambda: set(self._checkpoint)))
                await stack.enter_async_context(_beside(history.run()))
                await _run_until(over, self._projector)

    async def _database(self) -> str:
        """The identity of the database, in which what is durable then is there."""
        dsn = self._stores.read_model.dsn
        try:
            await ensure_control_schema(dsn)
            return await identity_of(dsn)
        except LogUnavailable as unavailable:
            self._trouble = unavailable.message
            raise

    async def _until_made_anew(self, database: str, over: asyncio.Event) -> None:
        """Set `over` once another database has the place of `database`: it was dropped, and made anew or restored.

        What is durable is made again where only that was dropped.
        """
        while not over.is_set():
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(LogUnavailable):
                found = await self._database()
                if found != database:
                    logger.warning(
                        "the database of the read model is another than it was (%s, not %s)", found, database
                    )
                    over.set()

    async def _open_log(self) -> EventLogReader:
        try:
            return await open_shared_reader(self._stores.event_log)
        except LogUnavailable as unavailable:
            self._trouble = unavailable.message
            # Perhaps it is not there yet.
            await (await open_shared_log(self._stores.event_log)).close()
            return await open_shared_reader(self._stores.event_log)

    def _projector_of(
        self,
        log: EventLogReader,
        partitions: int,
        linger: Linger,
        observe: Observe,
        database: str,
        stopping: asyncio.Event,
    ) -> PostgresqlProjector:
        place, dsn = self._stores.event_log, self._stores.read_model.dsn

        def member(generation: int) -> PartitionAssignment:
            """Of the group of all who fold into this generation.

            Brokers may serve several systems, and one log may be folded into several databases.
            """
            group = f"tracklog-{database}-{generation}"
            return UntilStopped(assignment_in_group(place, group, partitions), stopping)

        return PostgresqlProjector(dsn, log, member, linger.linger, self._count, observe)

    async def _count(self, progress: Progress) -> None:
        self._moved_s = asyncio.get_running_loop().time()
        self.counts.commits += 1
        self.counts.events += progress.events
        self.counts.refused += len(progress.refusals)

    # --- services ---------------------------------------------------------------------------------------------

    def services(self) -> Services:
        """What this role answers."""
        return Services(
            routes=server_routes(),
            metrics=[self._measured],
            needs={"event log": self._log_answers, "read model": self._is_at_work, "progress": self._is_not_stalled},
            kinds=frozenset({Kind.OPERATION}),
            role="projector",
        )

    @property
    def _checkpoint(self) -> Positions:
        return {} if self._projector is None else self._projector.checkpoint

    async def _measured(self) -> list[Metric]:
        checkpoint = self._checkpoint
        end = {} if self._log is None else await end_if_known(self._log)
        self.counts.assigned_partitions = len(checkpoint)
        own = {partition: offset for partition, offset in end.items() if partition in checkpoint}
        set_aside = 0 if self._projector is None else self._projector.set_aside_count
        return [*log_metrics(LogState(own, checkpoint, set_aside)), *projection_metrics(self.counts)]

    async def _log_answers(self) -> None:
        if self._log is None:
            raise TemporarilyUnavailable(self._trouble)
        await self._log.end()
        if self._watch is not None:
            await self._watch.require_whole()

    @property
    def trouble(self) -> str | None:
        """Why nothing is folded now, None while all is well."""
        if self._projector is None:
            return self._trouble
        if self._projector.generation is None:
            return self._projector.trouble or "The read model is not open yet."
        return None

    async def _is_at_work(self) -> None:
        if (reason := self.trouble) is not None:
            raise TemporarilyUnavailable(reason)

    async def _is_not_stalled(self) -> None:
        if self._log is None or not self._checkpoint:
            return
        end, checkpoint = await self._log.end(), self._checkpoint
        if all(offset >= end[partition] for partition, offset in checkpoint.items()):
            self._moved_s = asyncio.get_running_loop().time()
        silent_s = asyncio.get_running_loop().time() - self._moved_s
        if silent_s > STALLED_S:
            raise TemporarilyUnavailable(f"Events wait, and none was folded for {silent_s:.0f} s.")


async def identity_of(dsn: str) -> str:
    """What tells the database `dsn` from every other, whatever address it is reached by.

    Raises LogUnavailable.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=CONNECT_TIMEOUT_S)
        try:
            identity: str = await connection.fetchval(_IDENTITY)
        finally:
            await connection.close(timeout=1.0)
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise no_connection(dsn, error) from error
    return identity


async def _run_until(stopping: asyncio.Event, projector: PostgresqlProjector) -> None:
    """Run a projector until `stopping` is set; it then has a moment to come to the end of its batch."""
    folding = asyncio.create_task(projector.run())
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((folding, stop), return_when=asyncio.FIRST_COMPLETED)
        if projector.generation is not None:
            await asyncio.wait((folding,), timeout=BATCH_S)
        if folding.done():
            folding.result()
    except ForeignDatabase as error:
        raise ForeignLog(str(error)) from error
    finally:
        for task in (folding, stop):
            task.cancel()
        await asyncio.gather(folding, stop, return_exceptions=True)


async def _pass_on(one: asyncio.Event, other: asyncio.Event) -> None:
    """Set `other` once `one` is set."""
    await one.wait()
    other.set()


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do `work` for as long as the context lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class UntilStopped(PartitionAssignment):
    """A membership that ends when the process is told to stop: the worker then leaves between two batches."""

    def __init__(self, member: PartitionAssignment, stopping: asyncio.Event) -> None:
        self._member = member
        self._stopping = stopping

    @property
    def partitions(self) -> Set[int]:
        return frozenset() if self._stopping.is_set() else self._member.partitions

    async def start(self) -> None:
        await self._member.start()

    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        """Raises ToldToStop."""
        waits: list[asyncio.Future[object]] = [
            asyncio.ensure_future(self._member.wait_for_change(known, timeout_s)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        if self._stopping.is_set():
            raise ToldToStop
        for wait in done:
            wait.result()

    async def close(self) -> None:
        await self._member.close()


async def serve_projector(settings: Settings, announce: Callable[[str], None]) -> None:
    """Fold until a signal says to stop, and answer meanwhile how it goes. Raises AddressTaken, ForeignLog."""
    stores = settings.stores
    assert isinstance(stores, SharedStores)
    projector = ProjectorRole(stores, settings.proof)
    collect_seldom()

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        async with work_of_process(projector.run(stopping), stopping):
            yield projector.services()

    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(
            reach,
            does="folds the log, and tells how it is,",
            log=str(stores.event_log),
            read_model=str(stores.read_model),
        ),
        announce=announce,
    )
