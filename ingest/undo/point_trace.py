"""The points of the metrics of one run, as far as events that are to be undone logged or corrected them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from schemas.events import AnyEvent, MetricSeries, PointCorrection, RunDataLogged, RunMetricCorrected
from schemas.metric_values import stored_value

_Value: TypeAlias = float | str | None
_Place: TypeAlias = tuple[int, int]
"""Step and timestamp in ms."""


@dataclass(slots=True)
class _Touched:
    """A point that chosen events made what it is: its value before all of them, None for no point, and since then."""

    before: _Value
    now: _Value
    undoes: list[str]
    later: str = ""
    """The event of the others that changed it after them."""


class PointsChange(NamedTuple):
    """What undoing comes to for the points of one metric."""

    key: str
    points: tuple[PointCorrection, ...]
    undoes: tuple[str, ...]
    later: str


@dataclass(slots=True)
class PointTrace:
    """Points are alike when metric, step, timestamp and value are; of points alike the first is meant."""

    _touched: dict[str, dict[_Place, list[_Touched]]] = field(default_factory=dict)

    def take(self, event_id: str, event: AnyEvent, *, is_chosen: bool) -> bool:
        """The next event that holds; returns whether it logged or corrected a point."""
        if isinstance(event, RunDataLogged):
            if is_chosen:
                for series in event.metrics:
                    self._logged(event_id, series)
            return bool(event.metrics)
        if not isinstance(event, RunMetricCorrected):
            return False
        if is_chosen:
            self._corrected(event_id, event)
        elif event.key in self._touched:
            self._corrected_by_another(event_id, event)
        return True

    @property
    def events(self) -> list[str]:
        """The chosen events that logged or corrected points, oldest first of each."""
        every = (one for places in self._touched.values() for touched in places.values() for one in touched)
        return list(dict.fromkeys(event_id for one in every for event_id in one.undoes))

    def changes(self) -> Iterator[PointsChange]:
        """By metric, what is to be corrected: what no other event changed since, and what one did, apart."""
        for key, places in sorted(self._touched.items()):
            for was_changed in (False, True):
                found = [
                    (place, one)
                    for place, touched in places.items()
                    for one in touched
                    if not _is_same(one.now, one.before) and bool(one.later) is was_changed
                ]
                if found:
                    yield PointsChange(
                        key,
                        tuple(PointCorrection(*place, one.now, one.before) for place, one in found),
                        tuple(dict.fromkeys(event_id for _, one in found for event_id in one.undoes)),
                        next((one.later for _, one in found), ""),
                    )

    def _logged(self, event_id: str, series: MetricSeries) -> None:
        places = self._touched.setdefault(series.key, {})
        for step, timestamp_ms, value in zip(series.step, series.timestamp_ms, series.value, strict=True):
            places.setdefault((step, timestamp_ms), []).append(_Touched(None, value, [event_id]))

    def _corrected(self, event_id: str, event: RunMetricCorrected) -> None:
        places = self._touched.setdefault(event.key, {})
        for point in event.points:
            alike = places.setdefault((point.step, point.timestamp_ms), [])
            known = [one for one in alike if _is_same(one.now, point.old)]
            if not known:
                alike.append(_Touched(point.old, point.new, [event_id]))
            for one in known if event.every else known[:1]:
                one.now, one.later = point.new, ""
                one.undoes.append(event_id)

    def _corrected_by_another(self, event_id: str, event: RunMetricCorrected) -> None:
        places = self._touched[event.key]
        for point in event.points:
            known = [one for one in places.get((point.step, point.timestamp_ms), ()) if _is_same(one.now, point.old)]
            for one in known if event.every else known[:1]:
                one.now, one.later = point.new, event_id


def _is_same(one: _Value, other: _Value) -> bool:
    if one is None or other is None:
        return one is other
    first, second = stored_value(one), stored_value(other)
    return first == second or (first != first and second != second)
