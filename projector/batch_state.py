"""What a batch of events reads of the read model and changes in it, in memory."""

from collections.abc import Sequence
from typing import Any, Final, Self

from projector import imported_events
from projector.changes import Change, Insert, NewNumbers, Row
from projector.imported_events import KnownImports, was_brought
from projector.outbox import ANNOUNCERS, outbox_row
from projector.port import DamagedReadModel, ReadModelWriter
from projector.projection import AnyProjection, Loading
from projector.projections import PROJECTION_OF, PROJECTIONS
from read_model.metric_points import DamagedPoints
from schemas.envelope import RecordedEvent
from schemas.errors import TracklogError
from schemas.events import AnyEvent

_NOT_AS_WRITTEN: Final = (TypeError, ValueError, LookupError)
"""What comes of rows that no longer hold what was put there, when they are made into objects."""


class BatchState:
    """The states of the projections that a batch concerns."""

    def __init__(self, states: dict[AnyProjection, Any], imported: KnownImports | None = None) -> None:
        self._states = states
        self._imported = imported or KnownImports(set())
        self._outbox: list[Row] = []

    @classmethod
    async def load(cls, events: Sequence[tuple[RecordedEvent, AnyEvent]], read_model: ReadModelWriter) -> Self:
        """Everything that folding `events` can ask for. Raises what `ReadModelWriter.read` raises."""
        concerned: dict[AnyProjection, list[AnyEvent]] = {}
        imported: list[bytes] = []
        for recorded, event in events:
            if was_brought(recorded, event):
                imported.append(recorded.id)
            projection = PROJECTION_OF[type(event)]
            if projection in concerned:
                concerned[projection].append(event)
            else:
                concerned[projection] = [event]
        states = {one: await _load(one.load(its_events), read_model) for one, its_events in concerned.items()}
        return cls(states, await _load(imported_events.load(imported), read_model))

    def fold(self, recorded: RecordedEvent, event: AnyEvent) -> None:
        """Apply one of the events. Raises what `Projection.fold` raises, and what `KnownImports.check` does."""
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
                for change in projection.changes(self._states[projection])
                if change.rows
            ]
        except DamagedPoints as error:
            raise DamagedReadModel(error.message) from error
        outbox = [Insert("outbox", self._outbox)] if self._outbox else []
        return [*outbox, *self._imported.changes(), *changes]


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
