"""What each search understands: its entities, their keys, and for each key the comparators and the kind of value.

Data only. Names of entities and keys are exact, case included.
Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Comparator(Enum):
    """How a stored value and the filter's are compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class Entity(Enum):
    """Where a stored value is found."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"


class ValueKind(Enum):
    """What the value in a filter must be."""

    TEXT = "quoted text"
    REAL = "a number, always floating"
    NUMBER = "a number, exact when it is an integer"
    INTEGER = "an integer"
    EXPERIMENT_ID = "a quoted experiment id"
    INTEGER_AS_TEXT = "an integer, compared as the text of it"
    MODEL_STATUS = "the name of a logged model's status, or its number"


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to compare: `name` is the attribute, or the key to which an alias leads."""

    entity: Entity
    name: str
    kind: ValueKind
    comparators: frozenset[Comparator]


@dataclass(frozen=True, slots=True)
class AnyKey:
    """An entity whose keys users choose."""

    entity: Entity
    kind: ValueKind
    comparators: frozenset[Comparator]

    def named(self, name: str) -> Key:
        return Key(self.entity, name, self.kind, self.comparators)


Keys = AnyKey | Mapping[str, Key]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One search. `filterable` and `orderable` go from prefix to keys; the prefix of a bare key is None."""

    filterable: Mapping[str | None, Keys]
    orderable: Mapping[str | None, Keys]
    is_comparator_case_sensitive: bool = False
    is_lenient: bool = False
    """Takes unquoted text for text, unquoted keys with a dash, and keeps double quotes as part of a value."""


_EQUALITY = frozenset({Comparator.EQUAL, Comparator.NOT_EQUAL})
_ORDERED = _EQUALITY | {
    Comparator.GREATER,
    Comparator.GREATER_OR_EQUAL,
    Comparator.LESS,
    Comparator.LESS_OR_EQUAL,
}
_MATCHED = _EQUALITY | {Comparator.LIKE, Comparator.ILIKE}
_LISTED = frozenset({Comparator.IN, Comparator.NOT_IN})
_NULLABLE = frozenset({Comparator.IS_NULL, Comparator.IS_NOT_NULL})


def _attributes(kind: ValueKind, comparators: frozenset[Comparator], *names: str, **aliases: str) -> dict[str, Key]:
    return {
        alias: Key(Entity.ATTRIBUTE, name, kind, comparators)
        for alias, name in (dict(zip(names, names, strict=True)) | aliases).items()
    }


def _prefixed(keys: Keys, *prefixes: str | None) -> dict[str | None, Keys]:
    return dict.fromkeys(prefixes, keys)


# --- runs ---------------------------------------------------------------------------------------------------------

RUN_NAME_TAG: Final = "mlflow.runName"
"""A run's name is filtered by this tag, and ordered by the run's own name."""

_RUN_NAME = Key(Entity.TAG, RUN_NAME_TAG, ValueKind.TEXT, _MATCHED)
_CREATED = {"created": "start_time", "Created": "start_time"}

_RUN_ATTRIBUTES: Mapping[str, Key] = {
    **_attributes(ValueKind.TEXT, _MATCHED, "status", "artifact_uri", "user_id"),
    **_attributes(ValueKind.TEXT, _MATCHED | _LISTED, "run_id"),
    **dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), _RUN_NAME),
    **_attributes(ValueKind.NUMBER, _ORDERED, "start_time", "end_time", **_CREATED),
}
_RUN_ATTRIBUTE_PREFIXES = (None, "attribute", "attributes", "attr", "run")
_METRIC_PREFIXES = ("metric", "metrics")
_PARAM_PREFIXES = ("param", "params", "parameter", "parameters")
_TAG_PREFIXES = ("tag", "tags")

_RUN_KEYS: Mapping[str | None, Keys] = {
    **_prefixed(AnyKey(Entity.METRIC, ValueKind.REAL, _ORDERED), *_METRIC_PREFIXES),
    **_prefixed(AnyKey(Entity.PARAM, ValueKind.TEXT, _MATCHED | _NULLABLE), *_PARAM_PREFIXES),
    **_prefixed(AnyKey(Entity.TAG, ValueKind.TEXT, _MATCHED | _NULLABLE), *_TAG_PREFIXES),
}

RUNS: Final = Vocabulary(
    filterable={
        **_RUN_KEYS,
        **_prefixed(_RUN_ATTRIBUTES, *_RUN_ATTRIBUTE_PREFIXES),
        **_prefixed(
            {
                name: Key(Entity.DATASET, name, ValueKind.TEXT, _MATCHED | _LISTED)
                for name in ("name", "digest", "context")
            },
            "dataset",
            "datasets",
        ),
    },
    orderable={
        **_RUN_KEYS,
        **_prefixed(
            _attributes(
                ValueKind.TEXT,
                frozenset(),
                *("status", "run_id", "run_name", "start_time", "end_time", "artifact_uri", "user_id"),
                **_CREATED,
            ),
            *_RUN_ATTRIBUTE_PREFIXES,
        ),
    },
)

# --- experiments --------------------------------------------------------------------------------------------------

EXPERIMENTS: Final = Vocabulary(
    filterable={
        **_prefixed(
            {
                **_attributes(ValueKind.TEXT, _MATCHED, "name"),
                **_attributes(ValueKind.EXPERIMENT_ID, _EQUALITY | _LISTED, "experiment_id"),
                **_attributes(ValueKind.INTEGER, _ORDERED, "creation_time", "last_update_time"),
            },
            None,
            "attribute",
            "attributes",
        ),
        **_prefixed(AnyKey(Entity.TAG, ValueKind.TEXT, _MATCHED | _NULLABLE), *_TAG_PREFIXES),
    },
    orderable=_prefixed(
        _attributes(ValueKind.TEXT, frozenset(), "name", "experiment_id", "creation_time", "last_update_time"),
        None,
        "attribute",
        "attributes",
    ),
    is_comparator_case_sensitive=True,
)

# --- logged models ------------------------------------------------------------------------------------------------

_MODEL_TIMES = {
    "creation_time": "creation_timestamp_ms",
    "creation_timestamp": "creation_timestamp_ms",
    "creation_timestamp_ms": "creation_timestamp_ms",
    "last_updated_timestamp": "last_updated_timestamp_ms",
    "last_updated_timestamp_ms": "last_updated_timestamp_ms",
}
_STATUS_NAMES = ("UNSPECIFIED", "PENDING", "READY", "FAILED")
MODEL_STATUSES: Final = {
    spelled: number for number, name in enumerate(_STATUS_NAMES) for spelled in (name, str(number))
}
"""MLflow's LoggedModelStatus as filters spell it."""

_MODEL_TEXTS = ("name", "model_id", "model_type", "source_run_id", "artifact_location", "lifecycle_stage")
_TEXT_OF_MODELS = AnyKey(Entity.PARAM, ValueKind.TEXT, _MATCHED | _LISTED)

LOGGED_MODELS: Final = Vocabulary(
    filterable={
        **_prefixed(
            {
                **_attributes(ValueKind.TEXT, _MATCHED | _LISTED, *_MODEL_TEXTS),
                **_attributes(ValueKind.INTEGER_AS_TEXT, _MATCHED | _LISTED, "experiment_id"),
                **_attributes(ValueKind.MODEL_STATUS, _EQUALITY | _LISTED, "status"),
                **_attributes(ValueKind.NUMBER, _ORDERED, **_MODEL_TIMES),
            },
            None,
            "attributes",
        ),
        "metrics": AnyKey(Entity.METRIC, ValueKind.REAL, _ORDERED),
        "params": _TEXT_OF_MODELS,
        "tags": AnyKey(Entity.TAG, _TEXT_OF_MODELS.kind, _TEXT_OF_MODELS.comparators),
    },
    orderable={
        None: _attributes(ValueKind.TEXT, frozenset(), *_MODEL_TEXTS, "status", "experiment_id", **_MODEL_TIMES),
        "metrics": AnyKey(Entity.METRIC, ValueKind.REAL, _ORDERED),
    },
    is_lenient=True,
)
