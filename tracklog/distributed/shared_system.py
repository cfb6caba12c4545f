"""What every role that answers requests has of the stores it shares: the log, the read model, and how far that is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Generic, TypeVar

from prometheus_client.core import Metric

from event_log.port import EventLog, EventLogReader
from read_model import belonging
from read_model.history.port import HistoryIndex
from read_model.history.postgresql import PostgresqlHistoryIndex
from read_model.postgresql_connections import PostgresqlReadModelConnections
from read_model.postgresql_progress import PostgresqlProgress
from schemas.envelope import Positions
from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.distributed.availability import once_available
from tracklog.distributed.gated_log import GatedLog
from tracklog.distributed.shared_log import LogPlace, open_shared_log, open_shared_reader
from tracklog.serving.lag import Lag
from tracklog.serving.log_watch import LogWatch
from tracklog.serving.services import Services
from tracklog.settings.store_uris import SharedStores
from tracklog.web.metrics import LogState, log_metrics
from tracklog.webhooks.stores import OpenedWhenNeeded

METRICS_WAIT_S: Final = 1.0
"""How long the metrics wait for the log to say where it ends; without an answer they leave that out."""

STALLED_S: Final = 30.0
"""Events that wait to be folded for so long tell of projectors that are not at work: a group that shares its partitions
out anew needs some seconds."""

L = TypeVar("L", bound=EventLogReader)


@dataclass(frozen=True, slots=True)
class SharedSystem(Generic[L]):
    """Open stores."""

    log: L
    watch: LogWatch
    connections: PostgresqlReadModelConnections
    progress: PostgresqlProgress
    lag: Lag

    def services(self) -> Services:
        """What every role tells and needs, whatever it serves."""
        return Services(
            routes=(),
            metrics=[self._measured],
            needs={
                "event log": self._log_answers,
                "whole event log": self.watch.require_whole,
                "read model": self._read_model_answers,
                "progress of the read model": self._progress_is_heard,
                "projectors": self._events_become_visible,
            },
        )

    async def _measured(self) -> list[Metric]:
        report = self.progress.report()
        return log_metrics(LogState(await end_if_known(self.log), report.checkpoint, report.set_aside))

    async def _log_answers(self) -> None:
        if isinstance(self.log, EventLog):
            await self.log.check_appendable()
        else:
            await self.log.end()

    async def _events_become_visible(self) -> None:
        end, checkpoint = await self.log.end(), self.progress.report().checkpoint
        late_s = self.lag.look(end, checkpoint, asyncio.get_running_loop().time())
        if late_s > STALLED_S:
            raise TemporarilyUnavailable(f"Events wait, and were not folded for {late_s:.0f} s.")

    async def _read_model_answers(self) -> None:
        async with self.connections.acquire() as connection:
            await connection.fetchval("SELECT count(*) FROM checkpoints")

    async def _progress_is_heard(self) -> None:
        self.progress.require_listening()


@asynccontextmanager
async def writing_system(stores: SharedStores, stopping: asyncio.Event) -> AsyncIterator[SharedSystem[EventLog]]:
    """The stores, with a log that can be appended to; made where there is none.

    Waits for what is not there yet. Raises ForeignLog, at the end too when the log was replaced, and ToldToStop.
    """
    async with _system(stores, open_shared_log, stopping) as system:
        yield replace(system, log=GatedLog(system.log, lambda: system.progress.stray))


@asynccontextmanager
async def reading_system(stores: SharedStores, stopping: asyncio.Event) -> AsyncIterator[SharedSystem[EventLogReader]]:
    """The stores, to read.

    Waits for what is not there yet. Raises ForeignLog, at the end too when the log was replaced, and ToldToStop.
    """
    async with _system(stores, open_shared_reader, stopping) as system:
        yield system


def appendable_when_needed(stores: SharedStores, system: SharedSystem[EventLogReader]) -> OpenedWhenNeeded[EventLog]:
    """The log of a process that reads, to append to: who has nothing to append pays for none."""

    async def opened() -> EventLog:
        return GatedLog(await open_shared_log(stores.event_log), lambda: system.progress.stray)

    return OpenedWhenNeeded(opened)


@asynccontextmanager
async def _system(
    stores: SharedStores, open_log: Callable[[LogPlace], Awaitable[L]], stopping: asyncio.Event
) -> AsyncIterator[SharedSystem[L]]:
    async with AsyncExitStack() as stack:
        log = await once_available(partial(open_log, stores.event_log), stopping)
        stack.push_async_callback(log.close)
        watch = LogWatch(log)
        await stack.enter_async_context(watch.looking(stopping))
        log_id = await once_available(log.identity, stopping)
        connections = PostgresqlReadModelConnections(stores.read_model.dsn, log_id)
        stack.push_async_callback(connections.close)
        connections.lost("The read model was not compared with the log yet.")  # until `progress` has done so
        progress = PostgresqlProgress(stores.read_model.dsn, connections, partial(_belonging_fault, log, log_id))
        stack.push_async_callback(progress.close)
        progress.start()
        yield SharedSystem(log, watch, connections, progress, Lag())


@asynccontextmanager
async def history_reader(stores: SharedStores, stopping: asyncio.Event) -> AsyncIterator[EventLogReader]:
    """A reader of the log for those who page through it.

    Its own, because a reader of Kafka reads a partition at one place at a time.
    """
    log = await once_available(partial(open_shared_reader, stores.event_log), stopping)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def history_index(system: SharedSystem[Any]) -> AsyncIterator[HistoryIndex]:
    """The index of the history, to read."""
    index = PostgresqlHistoryIndex(system.connections)
    try:
        yield index
    finally:
        await index.close()


async def _belonging_fault(
    log: EventLogReader, log_id: str, of_read_model: str | None, checkpoints: Positions
) -> str | None:
    """Why a read model does not belong to `log`. While that does not say where it ends, only the ids are compared."""
    try:
        async with asyncio.timeout(METRICS_WAIT_S):
            end = await log.end()
    except (Retryable, TimeoutError):
        checkpoints, end = {}, {}
    return belonging.fault(of_read_model, checkpoints, log_id, end)


async def end_if_known(log: EventLogReader) -> dict[int, int]:
    """Where the log ends, nothing when it cannot say so now."""
    try:
        async with asyncio.timeout(METRICS_WAIT_S):
            return dict(await log.end())
    except (Retryable, TimeoutError):
        return {}
