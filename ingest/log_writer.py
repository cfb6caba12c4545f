"""Appending an event, and waiting for what the fold makes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

from event_log.port import EventLog
from ingest.admission.known_entities import EntityKind, KnownEntities
from read_model.progress import EventInLog, ProjectionProgress
from schemas.envelope import Actor, EventClock, EventData, Position
from schemas.errors import RequestLimitExceeded, Retryable, TracklogError
from schemas.events import AnyEvent

T = TypeVar("T")

VERDICT_WAIT_S: Final = 10.0
"""The projector decides in milliseconds. When it needs longer it is in trouble, and the client is asked to repeat; the
event stays in the log."""


class WriteObserver(Protocol):
    """Counts what is written."""

    def appended(self, events: int) -> None:
        """So many events are durable."""

    def decided(self, seconds: float, *, refused: bool) -> None:
        """A verdict came after `seconds`."""


class _NotObserved(WriteObserver):
    def appended(self, events: int) -> None:
        pass

    def decided(self, seconds: float, *, refused: bool) -> None:
        pass


NOT_OBSERVED: Final = _NotObserved()


@contextmanager
def in_the_log() -> Iterator[None]:
    """Around the reads after an append: raises EventInLog for errors that would mean that nothing was written."""
    try:
        yield
    except Retryable as error:
        raise EventInLog(error.message) from error


@asynccontextmanager
async def undone_if_refused(undo: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Around an append for which something was prepared: `undo` is called when the event was refused.

    After any other failure the event may be in the log, and what was prepared has to stay.
    """
    try:
        yield
    except TracklogError as error:
        if error.status < 500 and error.status != RequestLimitExceeded.status:
            await undo()
        raise


class LogWriter:
    """Gives events their envelope and appends them, one request an event."""

    def __init__(
        self,
        log: EventLog,
        progress: ProjectionProgress,
        known: KnownEntities,
        clock: EventClock,
        observer: WriteObserver = NOT_OBSERVED,
    ) -> None:
        self._log = log
        self._progress = progress
        self._known = known
        self._clock = clock
        self._observer = observer
        self._under_way: set[asyncio.Task[Any]] = set()

    async def ends(self) -> list[int]:
        """The end of the log in each partition, by number. Raises LogUnavailable."""
        return await self._known.ends()

    async def is_log_empty(self) -> bool:
        """Whether nothing was ever appended. Raises LogUnavailable."""
        return not any((await self._log.end()).values())

    async def append(self, event: AnyEvent, actor: Actor, request_id: str) -> EventData:
        """Return when the event is durable. Raises what EventLog.append raises."""
        stamped = self._clock.stamp(event, actor, request_id)
        await self._log.append((stamped,))
        self._observer.appended(1)
        return stamped

    async def append_all(self, events: Sequence[AnyEvent], actor: Actor, request_id: str) -> None:
        """Append events of one ordering unit side by side, all or none. Raises what EventLog.append raises."""
        await self._log.append([self._clock.stamp(event, actor, request_id) for event in events])
        self._observer.appended(len(events))

    async def append_and_wait(self, event: AnyEvent, actor: Actor, request_id: str) -> EventData:
        """Return when the event is durable and the read model holds it.

        Raises the error the fold refuses it with, EventInLog, and what EventLog.append raises; and
        TemporarilyUnavailable, with nothing appended, when no verdict could be received: a client that repeats such a
        request might otherwise do twice what it meant to do once.
        """
        self._progress.require_listening()
        stamped = self._clock.stamp(event, actor, request_id)
        positions = await self._log.append((stamped,))
        self._observer.appended(1)
        await self._wait_for_verdict(stamped, positions[0])
        return stamped

    async def append_together(
        self, events: Sequence[AnyEvent], actor: Actor, request_id: str
    ) -> list[tuple[EventData, Position, TracklogError | None]]:
        """Append the events of one ordering unit side by side, and return each with its place and its refusal.

        Raises as `append_and_wait` does, but for the error of a refusal.
        """
        self._progress.require_listening()
        stamped = [self._clock.stamp(event, actor, request_id) for event in events]
        positions = await self._log.append(stamped)
        self._observer.appended(len(stamped))
        with in_the_log():
            refusals = [await self._progress.verdict(position, VERDICT_WAIT_S) for position in positions]
        return list(zip(stamped, positions, refusals, strict=True))

    async def append_imported(self, events: Sequence[EventData]) -> list[TracklogError | None]:
        """Append events that have their envelopes, and return what each is refused with.

        Those of one partition are appended together; of those of several, some may be in the log after an error.
        Raises as `append_together` does.
        """
        self._progress.require_listening()
        by_partition: dict[int, list[int]] = {}
        for index, event in enumerate(events):
            by_partition.setdefault(self._log.partition_of(event.ordering_unit), []).append(index)
        appends = [self._log.append([events[index] for index in indices]) for indices in by_partition.values()]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        if failures := [one for one in outcomes if isinstance(one, BaseException)]:
            raise failures[0] if len(failures) == len(outcomes) else EventInLog(str(failures[0]))
        self._observer.appended(len(events))
        refusals: list[TracklogError | None] = [None] * len(events)
        with in_the_log():
            for indices, positions in zip(by_partition.values(), outcomes, strict=True):
                assert not isinstance(positions, BaseException)
                for index, position in zip(indices, positions, strict=True):
                    refusals[index] = await self._progress.verdict(position, VERDICT_WAIT_S)
        return refusals

    async def append_change(
        self, kind: EntityKind[Any, Any], key: str | int, event: AnyEvent, actor: Actor, request_id: str
    ) -> None:
        """As `append_and_wait`, for an event that changes what is known of an entity.

        The cache is invalidated when the outcome is known, or known to be unknown, even when the caller is cancelled
        meanwhile.
        """
        await self.to_the_end(self._append_change(kind, key, event, actor, request_id))

    async def to_the_end(self, writing: Coroutine[Any, Any, T]) -> T:
        """What `writing` returns; it goes on even when the caller is cancelled meanwhile."""
        task = asyncio.get_running_loop().create_task(writing)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _append_change(
        self, kind: EntityKind[Any, Any], key: str | int, event: AnyEvent, actor: Actor, request_id: str
    ) -> None:
        try:
            await self.append_and_wait(event, actor, request_id)
        except BaseException:
            self._known.invalidate_unprojected(kind, key)
            raise
        self._known.invalidate(kind, key)

    async def _wait_for_verdict(self, stamped: EventData, position: Position) -> None:
        began = perf_counter()
        with in_the_log():
            refusal = await self._progress.verdict(position, VERDICT_WAIT_S)
        self._observer.decided(perf_counter() - began, refused=refusal is not None)
        if refusal is not None:
            raise refusal.explained(stamped.stream)
