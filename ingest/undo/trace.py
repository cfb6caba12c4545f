"""The fields of one aggregate, followed through its history: what they were, are, and would be without some events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.undo.point_trace import PointTrace
from schemas.events import AnyEvent, PointCorrection
from schemas.fields import set_by
from schemas.fields.field import METRICS, Value


class Change(NamedTuple):
    """What undoing comes to for one field: `undoes` are the ids of events that set it, oldest first.

    Of a metric `points` are corrected, and `found` and `wanted` tell how many points these are, before and after.
    """

    field: str
    found: Value
    wanted: Value
    undoes: tuple[str, ...]
    points: tuple[PointCorrection, ...] = ()


@dataclass(slots=True)
class _Touched:
    """A field that events which are to be undone have set, and what it was before, all of these left out."""

    wanted: Value
    undoes: list[str] = field(default_factory=list)
    later: str = ""
    """The event that set it after all of these."""


class Trace:
    """What is undone of a field is what chosen events made of it: it becomes what the last of the others had made it.

    Where one of the others came after the chosen ones, undoing would overwrite what is later.
    """

    def __init__(self) -> None:
        self.held: dict[str, Value] = {}
        self._others: dict[str, Value] = {}
        self._touched: dict[str, _Touched] = {}
        self._points = PointTrace()
        self.characters = 0  # of the texts that the fields hold

    def take(self, event_id: str, event: AnyEvent, time_ms: int, *, is_chosen: bool) -> bool:
        """The next event that holds, and when it was; returns whether it set a field."""
        has_points = self._points.take(event_id, event, is_chosen=is_chosen)
        fields = set_by(event, self.held, time_ms, event_id)
        self.characters += sum(map(_length, fields.values())) - sum(_length(self.held.get(name)) for name in fields)
        self.held.update(fields)
        for name, value in fields.items():
            if is_chosen:
                touched = self._touched.setdefault(name, _Touched(None))
                touched.wanted = self._others.get(name)
                touched.undoes.append(event_id)
                touched.later = ""
            else:
                self._others[name] = value
                if name in self._touched:
                    self._touched[name].later = event_id
        return has_points or bool(fields)

    def changes(self) -> Iterator[tuple[Change, str]]:
        """What is not as it is wanted, by field, each with the id of the event that set it later, if one did."""
        for name, touched in sorted(self._touched.items()):
            found = self.held.get(name)
            if found != touched.wanted:
                yield Change(name, found, touched.wanted, tuple(touched.undoes)), touched.later
        for key, points, undoes, later in self._points.changes():
            before, after = (sum(value is not None for value in side) for side in zip(*_values(points), strict=True))
            yield Change(f"{METRICS}{key}", before, after, undoes, points), later

    @property
    def already_so(self) -> list[str]:
        """The events that are to be undone of which nothing is left to undo, oldest first."""
        open_events = {one for change, _ in self.changes() for one in change.undoes}
        return [
            one
            for one in dict.fromkeys(
                one for undoes in (*(t.undoes for t in self._touched.values()), self._points.events) for one in undoes
            )
            if one not in open_events
        ]


def _length(value: Value) -> int:
    return len(value) if isinstance(value, str) else 0


def _values(points: Sequence[PointCorrection]) -> Iterator[tuple[float | str | None, float | str | None]]:
    return ((point.old, point.new) for point in points)
