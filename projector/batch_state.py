"""What a batch of events reads of the read model and changes in it, in memory."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, Final, Self

from projector import imported_events
from projector.changes import Change, Insert, NewNumbers, Row
from projector.erasures import Tombstones, erased_streams, is_erasure, looked_up, taken_along, tombstones_of
from projector.imported_events import KnownImports, was_brought
from projector.outbox import ANNOUNCERS, outbox_row
from projector.port import DamagedReadModel, ReadModelWriter
from projector.projection import AnyProjection, Loading
from projector.projections import PROJECTION_OF, PROJECTIONS
from read_model.metric_points import DamagedPoints
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceDoesNotExist, TracklogError
from schemas.events import AnyBelongingErased, AnyErased, AnyEvent
from schemas.forgotten import is_forgotten

_STREAM: Final = 3
"""Where in a row of the outbox its stream is."""

_NOT_AS_WRITTEN: Final = (TypeError, ValueError, LookupError)
"""What comes of rows that no longer hold what was put there, when they are made into objects."""


class BatchState:
    """The states of the projections that a batch concerns."""

    def __init__(
        self,
        states: dict[AnyProjection, Any],
        imported: KnownImports | None = None,
        tombstones: Tombstones | None = None,
    ) -> None:
        self._states = states
        self._imported = imported or KnownImports(set())
        self._tombstones = tombstones or Tombstones()
        self._outbox: list[Row] = []

    @classmethod
    async def load(cls, events: Sequence[tuple[RecordedEvent, AnyEvent]], read_model: ReadModelWriter) -> Self:
        """Everything that folding `events` can ask for. Raises what `ReadModelWriter.read` raises."""
        concerned: dict[AnyProjection, list[Any]] = {}
        imported: list[bytes] = []
        streams: set[str] = set()
        for recorded, event in events:
            if was_brought(recorded, event):
                imported.append(recorded.id)
            if of_event := looked_up(event):
                streams.update(of_event)
            projection = PROJECTION_OF[type(event)]
            if projection in concerned:
                concerned[projection].append(event)
            else:
                concerned[projection] = [event]
            if is_erasure(event):
                for gone in taken_along(event):
                    concerned.setdefault(PROJECTION_OF[type(gone)], []).append(gone)
        tombstones = Tombstones()
        if streams:
            tombstones.add(list(await read_model.read(tombstones_of(streams))))
        states = {one: await _load(one.load(its_events), read_model) for one, its_events in concerned.items()}
        return cls(states, await _load(imported_events.load(imported), read_model), tombstones)

    async def is_erased(self, stream: str, read_model: ReadModelWriter) -> bool:
        """Whether a stream was erased of which nothing is in the tables. Raises what `ReadModelWriter.read` raises."""
        if stream not in self._tombstones.known:
            self._tombstones.add(list(await read_model.read(tombstones_of({stream}))))
        return stream in self._tombstones.known

    def refuse(self, recorded: RecordedEvent) -> None:
        """Refuse an event of a stream that was erased, or pass over it. Raises ResourceDoesNotExist."""
        self._tombstones.refuse(recorded)

    @property
    def erased(self) -> Collection[str]:
        """The streams that were erased in the batch so far."""
        return self._tombstones.erased

    def fold(self, recorded: RecordedEvent, event: AnyEvent) -> None:
        """Apply one of the events. Raises what `Projection.fold` raises, and what `KnownImports.check` does."""
        is_erased = recorded.stream in self._tombstones.known
        if is_erasure(event):
            self._fold_erasure(recorded, event, is_erased=is_erased)
            return
        if is_erased:
            self._tombstones.refuse(recorded)
            return
        if not was_brought(recorded, event):
            self._fold(recorded, event)
            return
        self._imported.check(recorded)
        projection = PROJECTION_OF[type(event)]
        try:
            projection.fold(self._states[projection], recorded, event)  # nobody is told of it: it is no news
        except TracklogError as refusal:
            self._imported.folded(recorded, refusal)
            raise
        self._imported.folded(recorded, None)

    def _fold_erasure(self, recorded: RecordedEvent, event: AnyErased, *, is_erased: bool) -> None:
        """One more of a stream that was erased stands for what came between; an event that was forgotten does not."""
        if is_erased and is_forgotten(recorded.payload):
            self._tombstones.refuse(recorded)
            return
        if not is_erased and not isinstance(event, AnyBelongingErased):
            projection = PROJECTION_OF[type(event)]
            projection.fold(self._states[projection], recorded, event)
        for gone in [event] if isinstance(event, AnyBelongingErased) else taken_along(event):
            projection = PROJECTION_OF[type(gone)]
            with suppress(ResourceDoesNotExist):  # it was deleted before, or forgotten
                projection.fold(self._states[projection], recorded, gone)
        self._tombstones.erase(recorded, event)
        streams = frozenset(erased_streams(recorded, event))
        self._outbox = [row for row in self._outbox if row[_STREAM] not in streams]
        self._imported.leave_out(streams)

    def _fold(self, recorded: RecordedEvent, event: AnyEvent) -> None:
        projection = PROJECTION_OF[type(event)]
        state = self._states[projection]
        announcer = ANNOUNCERS.get(type(event))
        if announcer is None:
            projection.fold(state, recorded, event)
            return
        before = announcer.look(state, event)
        projection.fold(state, recorded, event)
        said = announcer.tell(state, event, before)
        if said is not None:
            self._outbox.append(outbox_row(recorded, said))

    def changes(self) -> list[Change]:
        """What the events folded have come to. Raises DamagedReadModel."""
        try:
            changes: list[Change] = [
                change
                for projection in PROJECTIONS
                if projection in self._states
                for change in map(self._tombstones.without_erased, projection.changes(self._states[projection]))
                if change.rows
            ]
        except DamagedPoints as error:
            raise DamagedReadModel(error.message) from error
        outbox = [Insert("outbox", self._outbox)] if self._outbox else []
        gone = [one for one in self._tombstones.changes() if one.rows]
        return [*gone, *outbox, *self._imported.changes(), *changes]


async def _load(loading: Loading[Any], read_model: ReadModelWriter) -> Any:
    """Carry out what `loading` asks for, and return the state it ends with."""
    try:
        reading = next(loading)
        while True:
            is_empty = not isinstance(reading, NewNumbers) and not reading.keys
            rows = () if is_empty else await read_model.read(reading)
            try:
                reading = loading.send(rows)
            except _NOT_AS_WRITTEN as error:
                raise DamagedReadModel(f"a row cannot be understood: {error!r}") from error
    except StopIteration as end:
        return end.value
