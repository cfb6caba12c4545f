"""Which named values an event wrote or removed: the params, metrics, tags and aliases that it is about."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetRestored,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    LoggedModelCreated,
    LoggedModelParamsLogged,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    RunCreated,
    RunDataLogged,
    RunMetricCorrected,
    RunParamCorrected,
    RunTagDeleted,
    Tag,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
)
from schemas.fields import set_by
from schemas.fields.field import ALIASES, TAGS, Value
from schemas.fields.registered_models import version_and_field

PARAM: Final = "param"
METRIC: Final = "metric"
TAG: Final = "tag"
ALIAS: Final = "alias"

FIELD_KINDS: Final = (PARAM, METRIC, TAG, ALIAS)


class TouchedField(NamedTuple):
    """`value` is what the field holds from the event on, as text; None where the event removes it.

    Of a metric it is the last point that the event brings.
    """

    kind: str
    key: str
    value: str | None


def touched_fields(event: AnyEvent) -> Iterable[TouchedField]:
    """The fields of an event, in its own order; none where it has none."""
    if event.kind.name in _BY_THEMSELVES:
        touched = _TOUCHED.get(type(event))
        return () if touched is None else touched(event)
    return _that_are_named(set_by(event, {}, 0, ""))


def _that_are_named(fields: Mapping[str, Value]) -> list[TouchedField]:
    """Those of the fields that an event sets which have a key: the others are what every aggregate of the kind has."""
    found: list[TouchedField] = []
    for field, value in fields.items():
        name = (version_and_field(field) or (0, field))[1]
        for prefix, kind in _PREFIXES:
            if name.startswith(prefix):
                found.append(TouchedField(kind, name.removeprefix(prefix), None if value is None else str(value)))
    return found


def _tags(tags: Iterable[Tag]) -> list[TouchedField]:
    return [TouchedField(TAG, tag.key, tag.value) for tag in tags]


def _run_data(event: RunDataLogged) -> list[TouchedField]:
    return [
        *(TouchedField(PARAM, one.key, one.value) for one in event.params),
        *(TouchedField(METRIC, one.key, str(one.value[-1]) if one.value else None) for one in event.metrics),
        *_tags(event.tags),
    ]


def _logged_model(event: LoggedModelCreated) -> list[TouchedField]:
    return [*(TouchedField(PARAM, one.key, one.value) for one in event.params), *_tags(event.tags)]


_PREFIXES: Final = ((TAGS, TAG), (ALIASES, ALIAS))

_BY_THEMSELVES: Final = frozenset({"run", "logged-model", "trace", "evaluation-dataset"})
"""Kinds of streams whose events are about more than they set: a param that has a value already, a metric's points; and
about less: a new name of a run is a tag too, which the event does not name. Or what they set is much: records."""

_TOUCHED: Final[dict[type, Callable[[Any], Iterable[TouchedField]]]] = {
    RunDataLogged: _run_data,
    RunParamCorrected: lambda event: [TouchedField(PARAM, event.key, event.value)],
    RunMetricCorrected: lambda event: [TouchedField(METRIC, event.key, None)],
    RunCreated: lambda event: _tags(event.tags),
    RunTagDeleted: lambda event: [TouchedField(TAG, event.key, None)],
    LoggedModelCreated: _logged_model,
    LoggedModelParamsLogged: lambda event: [TouchedField(PARAM, one.key, one.value) for one in event.params],
    LoggedModelTagsSet: lambda event: _tags(event.tags),
    LoggedModelTagDeleted: lambda event: [TouchedField(TAG, event.key, None)],
    EvaluationDatasetCreated: lambda event: _tags(event.tags),
    EvaluationDatasetRestored: lambda event: _tags(event.tags),
    EvaluationDatasetTagsSet: lambda event: _tags(event.tags),
    EvaluationDatasetTagDeleted: lambda event: [TouchedField(TAG, event.key, None)],
    TraceStarted: lambda event: [TouchedField(TAG, key, value) for key, value in event.tags.items()],
    TraceTagSet: lambda event: [TouchedField(TAG, event.key, event.value)],
    TraceTagDeleted: lambda event: [TouchedField(TAG, event.key, None)],
}
"""Of these kinds, by type of event; the others name no field."""
