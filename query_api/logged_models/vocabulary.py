"""What the search of logged models understands.

Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from typing import Final

from query_api.filter import values
from query_api.filter.syntax import Identifier, Value
from query_api.filter.vocabulary import (
    EQUALITY,
    LISTED,
    MATCHED,
    NOT_FILTERED,
    ORDERED,
    AnyKey,
    Entity,
    Vocabulary,
    attributes,
    prefixed,
)
from schemas.errors import InvalidParameterValue

_STATUS_NAMES = ("UNSPECIFIED", "PENDING", "READY", "FAILED")
_STATUSES: Final = {spelled: number for number, name in enumerate(_STATUS_NAMES) for spelled in (name, str(number))}
"""MLflow's LoggedModelStatus as filters spell it."""


def _status(value: Value, identifier: Identifier, is_lenient: bool) -> int:
    """The name of a status or its number, as its number.

    Source: the names that MLflow 3.18 knows, and the numbers that it took before.
    """
    text = values.integer_as_text(value, identifier, is_lenient)
    number = _STATUSES.get(text)
    if number is None:
        raise InvalidParameterValue(f"Unknown model status in filter: {text[:100]!r}")
    return number


_TIMES = {
    "creation_time": "creation_timestamp_ms",
    "creation_timestamp": "creation_timestamp_ms",
    "creation_timestamp_ms": "creation_timestamp_ms",
    "last_updated_timestamp": "last_updated_timestamp_ms",
    "last_updated_timestamp_ms": "last_updated_timestamp_ms",
}
_TEXTS = ("name", "model_id", "model_type", "source_run_id", "artifact_location", "lifecycle_stage")
_METRICS = AnyKey(Entity.METRIC, values.real, ORDERED)

LOGGED_MODELS: Final = Vocabulary(
    filterable={
        **prefixed(
            {
                **attributes(values.text, MATCHED | LISTED, *_TEXTS),
                **attributes(values.integer_as_text, MATCHED | LISTED, "experiment_id"),
                **attributes(_status, EQUALITY | LISTED, "status"),
                **attributes(values.number, ORDERED, **_TIMES),
            },
            None,
            "attributes",
        ),
        "metrics": _METRICS,
        "params": AnyKey(Entity.PARAM, values.text, MATCHED | LISTED),
        "tags": AnyKey(Entity.TAG, values.text, MATCHED | LISTED),
    },
    orderable={
        None: attributes(values.text, NOT_FILTERED, *_TEXTS, "status", "experiment_id", **_TIMES),
        "metrics": _METRICS,
    },
    is_lenient=True,
)
