"""Appending an event, and waiting for what the fold makes of it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final, Protocol

from event_log.port import EventLog
from read_model.progress import EventInLog, ProjectionProgress
from schemas.envelope import Actor, EventClock, EventData, Position
from schemas.errors import Retryable
from schemas.events import AnyEvent, stream_of

VERDICT_WAIT_S: Final = 10.0
"""The projector answers in milliseconds. One that needs longer is in trouble, and the client is told to ask again; its
event stays in the log."""


class WriteObserver(Protocol):
    """Whoever counts what is written."""

    def appended(self, events: int) -> None:
        """So many events are durable."""

    def heard(self, seconds: float, *, refused: bool) -> None:
        """A verdict came after `seconds`."""


class _NobodyObserves(WriteObserver):
    def appended(self, events: int) -> None:
        pass

    def heard(self, seconds: float, *, refused: bool) -> None:
        pass


NOBODY_OBSERVES: Final = _NobodyObserves()


@contextmanager
def in_the_log() -> Iterator[None]:
    """Around what a command asks behind its append: raises EventInLog for what would say that nothing was done."""
    try:
        yield
    except Retryable as error:
        raise EventInLog(error.message) from error


class LogWriter:
    """Gives events their envelope and appends them, one request an event."""

    def __init__(
        self,
        log: EventLog,
        progress: ProjectionProgress,
        clock: EventClock,
        observer: WriteObserver = NOBODY_OBSERVES,
    ) -> None:
        self._log = log
        self._progress = progress
        self._clock = clock
        self._observer = observer
        self._under_way: set[asyncio.Task[EventData]] = set()

    async def is_log_empty(self) -> bool:
        """Whether nothing was ever appended. Raises LogUnavailable."""
        return not any((await self._log.end()).values())

    async def append(self, event: AnyEvent, actor: Actor, request_id: str) -> EventData:
        """Return when the event is durable. Raises what EventLog.append raises."""
        stamped = self._clock.stamp(event, actor, request_id)
        await self._log.append((stamped,))
        self._observer.appended(1)
        return stamped

    async def append_and_hear(self, event: AnyEvent, actor: Actor, request_id: str) -> EventData:
        """Return when the event is durable and the read model holds it.

        Raises the error the fold refuses it with, EventInLog, and what EventLog.append raises; and
        TemporarilyUnavailable, with nothing appended, when no verdict would be heard: a client that repeats what it
        got no answer to might otherwise do twice what it meant to do once.
        """
        self._progress.require_listening()
        stamped = self._clock.stamp(event, actor, request_id)
        positions = await self._log.append((stamped,))
        self._observer.appended(1)
        await self._hear(positions[0])
        return stamped

    async def change(
        self,
        event: AnyEvent,
        actor: Actor,
        request_id: str,
        *,
        changed: Callable[[str], None],
        doubtful: Callable[[str], None],
    ) -> EventData:
        """As `append_and_hear`, for an event that changes what the door knows, even when the caller is cancelled.

        `changed` is called with the stream when the read model holds the event, `doubtful` when that is not known.
        """

        async def carry_through() -> EventData:
            try:
                stamped = await self.append_and_hear(event, actor, request_id)
            except BaseException:
                doubtful(stream_of(event))
                raise
            changed(stream_of(event))
            return stamped

        task = asyncio.get_running_loop().create_task(carry_through())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _hear(self, position: Position) -> None:
        began = perf_counter()
        with in_the_log():
            refusal = await self._progress.verdict(position, VERDICT_WAIT_S)
        self._observer.heard(perf_counter() - began, refused=refusal is not None)
        if refusal is not None:
            raise refusal
