"""The history of one aggregate: in which parts of the log it lies, and its events that hold."""

import asyncio
from collections.abc import AsyncIterator, Set
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from event_log.port import EventLogReader
from event_log.streams import StreamReader
from ingest.admission.lookups import Lookup, Lookups
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.event_json import event_id_text
from schemas.events import (
    REGISTERED_MODELS,
    STREAM_KINDS,
    AnyEvent,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
)

MAX_HISTORY_EVENTS: Final = 200_000
"""Of one aggregate, which are read and decoded to undo some of them: some seconds."""

MAX_NAMES: Final = 100
"""Of one registered model, which are followed."""

_BEGIN_A_MODEL: Final = frozenset({RegisteredModelCreated.event_type, RegisteredModelRestored.event_type})
_RESTORE_A_MODEL: Final = frozenset({RegisteredModelRestored.event_type})
_END_A_PART: Final = frozenset({RegisteredModelRenamed.event_type, RegisteredModelDeleted.event_type})

_AT_ONCE: Final = 100
"""Events that are decoded before others have their turn: about a millisecond."""

REFUSED: Final[Lookup[int]] = Lookup(
    'SELECT "offset" FROM refusals WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3', itemgetter(0)
)
"""The events between two offsets that the fold refused: they changed nothing."""


_LARGE_BYTES: Final = 16_384
"""An event with many spans or points takes as long alone."""


class _CameBy(NamedTuple):
    """The rename by which a registered model came to a name, and since when it had the one before."""

    offset: int
    former_name: str


_CAME_BY: Final = Lookup(
    "SELECT since, former_name FROM registered_model_names WHERE name = $1 AND since <= $2 ORDER BY since DESC LIMIT 1",
    lambda row: _CameBy(row[0], row[1]),
)


class Span(NamedTuple):
    """A part of a stream: from `begin` on, before `end`."""

    stream: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class AggregateHistory:
    """Where the events of one aggregate are, in order. The stream of the last part is the one that goes on."""

    partition: int
    parts: tuple[Span, ...]

    @property
    def stream(self) -> str:
        return self.parts[-1].stream

    def has(self, event: RecordedEvent) -> bool:
        return event.partition == self.partition and any(
            part.stream == event.stream and part.begin <= event.offset < part.end for part in self.parts
        )


class AggregateHistories:
    """Reads the histories of aggregates, up to `end`, which the read model has passed."""

    def __init__(self, log: EventLogReader, streams: StreamReader, lookups: Lookups, end: dict[int, int]) -> None:
        self._log = log
        self._streams = streams
        self._lookups = lookups
        self._end = end

    async def of(self, stream: str, offset: int | None = None) -> AggregateHistory:
        """The history of what had `stream` at `offset`, None for the end. Raises LogUnavailable."""
        kind, _, key = stream.partition("/")
        partition = self._log.partition_of(STREAM_KINDS[kind].ordering_unit(key))
        end = self._end.get(partition, 0)
        if kind != REGISTERED_MODELS.name:
            return AggregateHistory(partition, (Span(stream, 0, end),))
        at = end - 1 if offset is None else offset
        return AggregateHistory(partition, await self._parts_of_model(partition, key, at, end))

    async def events(self, history: AggregateHistory) -> AsyncIterator[tuple[RecordedEvent, AnyEvent]]:
        """The events that hold, in order.

        Raises InvalidParameterValue where they are too many, or one cannot be read; LogUnavailable.
        """
        number = 0
        for part in history.parts:
            refused = frozenset(await self._lookups.all(REFUSED, history.partition, part.begin, part.end))
            async for recorded in self._stored(history.partition, part):
                number += 1
                if number > MAX_HISTORY_EVENTS:
                    raise InvalidParameterValue(
                        f"{part.stream} has more than {MAX_HISTORY_EVENTS} events, which is too much to undo any."
                    )
                if number % _AT_ONCE == 0 or len(recorded.payload) > _LARGE_BYTES:
                    await asyncio.sleep(0)
                if recorded.offset not in refused:
                    yield recorded, decoded(recorded)

    async def _stored(self, partition: int, part: Span) -> AsyncIterator[RecordedEvent]:
        async for found in self._streams.events_of(part.stream, {partition: part.end}):
            for recorded in found:
                if recorded.offset >= part.begin:
                    yield recorded

    # --- registered models ------------------------------------------------------------------------------------------

    async def _parts_of_model(self, partition: int, name: str, offset: int, end: int) -> tuple[Span, ...]:
        """A model's history goes through the streams of all names that it had."""
        before: list[Span] = []
        begin = await self._begin(partition, name, offset, before)
        return (*before, *await self._from_on(partition, name, begin, end))

    async def _begin(self, partition: int, name: str, offset: int, before: list[Span]) -> int:
        """Since when the model has the name that it had at `offset`; its parts until then go into `before`."""
        upto, parts, began = offset, [], 0
        for number in range(MAX_NAMES):
            first = await self._last_held(partition, name, _BEGIN_A_MODEL, upto + 1)
            came = await self._lookups.one(_CAME_BY, name, upto)
            before_it: tuple[str, int] | None
            if came is not None and (first is None or first.offset < came.offset):
                begin, before_it = came.offset + 1, (came.former_name, came.offset)
            else:
                begin = 0 if first is None else first.offset
                deleted = None if first is None else await self._deleted_before(partition, name, first)
                before_it = None if deleted is None else (name, deleted)
            if number == 0:
                began = begin
            else:
                parts.append(Span(REGISTERED_MODELS.stream(name), begin, upto + 1))
            if before_it is None:
                break
            name, upto = before_it
        before.extend(reversed(parts))
        return began

    async def _from_on(self, partition: int, name: str, begin: int, end: int) -> list[Span]:
        parts: list[Span] = []
        while len(parts) < MAX_NAMES:
            stream = REGISTERED_MODELS.stream(name)
            last = await self._first_held(partition, stream, _END_A_PART, begin, end)
            if last is None:
                return [*parts, Span(stream, begin, end)]
            parts.append(Span(stream, begin, last.offset + 1))
            event = decoded(last)
            if isinstance(event, RegisteredModelRenamed):
                name, begin = event.new_name, last.offset + 1
                continue
            restored = await self._restored_after(partition, stream, last, end)
            if restored is None:
                return parts
            begin = restored
        raise InvalidParameterValue(f"The model has had more than {MAX_NAMES} names, which is too much to follow.")

    async def _deleted_before(self, partition: int, name: str, first: RecordedEvent) -> int | None:
        """Where a model was deleted that `first` restored; None where it was created by it."""
        undone = _undone_by(first) if first.type == RegisteredModelRestored.event_type else frozenset()
        last: int | None = None
        if undone:
            async for event in self._stored(partition, Span(REGISTERED_MODELS.stream(name), 0, first.offset)):
                if event.type == RegisteredModelDeleted.event_type and event_id_text(event.id) in undone:
                    last = event.offset
        return last

    async def _restored_after(self, partition: int, stream: str, deleted: RecordedEvent, end: int) -> int | None:
        """Where the model was restored that an event deleted."""
        begin = deleted.offset + 1
        while (restored := await self._first_held(partition, stream, _RESTORE_A_MODEL, begin, end)) is not None:
            if event_id_text(deleted.id) in _undone_by(restored):
                return restored.offset
            begin = restored.offset + 1
        return None

    async def _last_held(self, partition: int, name: str, types: Set[str], before: int) -> RecordedEvent | None:
        last: RecordedEvent | None = None
        begin, stream = 0, REGISTERED_MODELS.stream(name)
        while (event := await self._first_held(partition, stream, types, begin, before)) is not None:
            last, begin = event, event.offset + 1
        return last

    async def _first_held(
        self, partition: int, stream: str, types: Set[str], begin: int, end: int
    ) -> RecordedEvent | None:
        """The first event of some types that holds. A rename of a model to the name that it has is none."""
        async for event in self._stored(partition, Span(stream, begin, end)):
            if event.type not in types or _renames_to_itself(event):
                continue
            if not await self._lookups.all(REFUSED, partition, event.offset, event.offset + 1):
                return event
        return None


def decoded(recorded: RecordedEvent) -> AnyEvent:
    """Raises InvalidParameterValue for an event that cannot be read."""
    try:
        return codec.decode(recorded)
    except UndecodableEvent as error:
        raise InvalidParameterValue(f"The history has an event that cannot be read: {error}") from error


def _undone_by(recorded: RecordedEvent) -> frozenset[str]:
    """The ids of the events that an event undoes."""
    undo = decoded(recorded).undo
    return frozenset() if undo is None else frozenset(undo.events)


def _renames_to_itself(recorded: RecordedEvent) -> bool:
    if recorded.type != RegisteredModelRenamed.event_type:
        return False
    event = decoded(recorded)
    return isinstance(event, RegisteredModelRenamed) and event.new_name == event.name
