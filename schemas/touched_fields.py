"""Which named values an event wrote or removed: the params, metrics, tags and aliases that it is about."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    ExperimentCreated,
    ExperimentTagDeleted,
    ExperimentTagSet,
    LoggedModelCreated,
    LoggedModelParamsLogged,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    ModelVersionCreated,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
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
    touched = _TOUCHED.get(type(event))
    return () if touched is None else touched(event)


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


def _tags_of_new(
    event: RunCreated | ExperimentCreated | RegisteredModelCreated | ModelVersionCreated | LoggedModelTagsSet,
) -> list[TouchedField]:
    return _tags(event.tags)


def _tag_set(event: ExperimentTagSet | RegisteredModelTagSet | ModelVersionTagSet | TraceTagSet) -> list[TouchedField]:
    return [TouchedField(TAG, event.key, event.value)]


def _tag_deleted(
    event: RunTagDeleted | ExperimentTagDeleted | LoggedModelTagDeleted | RegisteredModelTagDeleted | TraceTagDeleted,
) -> list[TouchedField]:
    return [TouchedField(TAG, event.key, None)]


_TOUCHED: Final[dict[type, Callable[[Any], Iterable[TouchedField]]]] = {
    RunDataLogged: _run_data,
    RunParamCorrected: lambda event: [TouchedField(PARAM, event.key, event.value)],
    RunMetricCorrected: lambda event: [TouchedField(METRIC, event.key, None)],
    RunCreated: _tags_of_new,
    RunTagDeleted: _tag_deleted,
    ExperimentCreated: _tags_of_new,
    ExperimentTagSet: _tag_set,
    ExperimentTagDeleted: _tag_deleted,
    LoggedModelCreated: _logged_model,
    LoggedModelParamsLogged: lambda event: [TouchedField(PARAM, one.key, one.value) for one in event.params],
    EvaluationDatasetCreated: lambda e: _tags(e.tags),
    EvaluationDatasetTagsSet: lambda e: _tags(e.tags),
    EvaluationDatasetTagDeleted: lambda e: [TouchedField(TAG, e.key, None)],
    LoggedModelTagsSet: _tags_of_new,
    LoggedModelTagDeleted: _tag_deleted,
    RegisteredModelCreated: _tags_of_new,
    RegisteredModelTagSet: _tag_set,
    RegisteredModelTagDeleted: _tag_deleted,
    RegisteredModelAliasSet: lambda event: [TouchedField(ALIAS, event.alias, str(event.version))],
    RegisteredModelAliasDeleted: lambda event: [TouchedField(ALIAS, event.alias, None)],
    ModelVersionCreated: _tags_of_new,
    ModelVersionTagSet: _tag_set,
    ModelVersionTagDeleted: _tag_deleted,
    TraceStarted: lambda event: [TouchedField(TAG, key, value) for key, value in event.tags.items()],
    TraceTagSet: _tag_set,
    TraceTagDeleted: _tag_deleted,
}
"""By type of event; the others name no field."""
