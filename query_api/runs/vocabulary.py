"""What the search of runs understands.

Source: MLflow's search validation, as its server accepts and refuses filters and orders.
"""

from collections.abc import Mapping
from typing import Final

from query_api.filter import values
from query_api.filter.vocabulary import (
    LISTED,
    MATCHED,
    NOT_FILTERED,
    NULLABLE,
    ORDERED,
    AnyKey,
    Entity,
    Key,
    Keys,
    Vocabulary,
    attributes,
    prefixed,
)
from schemas.mlflow import RUN_NAME_TAG

# A run is filtered by this tag, and ordered by its own name.
_NAME = Key(Entity.TAG, RUN_NAME_TAG, values.text, MATCHED)
_CREATED = {"created": "start_time", "Created": "start_time"}

_ATTRIBUTES: Mapping[str, Key] = {
    **attributes(values.text, MATCHED, "status", "artifact_uri", "user_id"),
    **attributes(values.text, MATCHED | LISTED, "run_id"),
    **dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), _NAME),
    **attributes(values.number, ORDERED, "start_time", "end_time", **_CREATED),
}
_ATTRIBUTE_PREFIXES = (None, "attribute", "attributes", "attr", "run")

_KEYS: Mapping[str | None, Keys] = {
    **prefixed(AnyKey(Entity.METRIC, values.real, ORDERED), "metric", "metrics"),
    **prefixed(AnyKey(Entity.PARAM, values.text, MATCHED | NULLABLE), "param", "params", "parameter", "parameters"),
    **prefixed(AnyKey(Entity.TAG, values.text, MATCHED | NULLABLE), "tag", "tags"),
}

RUNS: Final = Vocabulary(
    filterable={
        **_KEYS,
        **prefixed(_ATTRIBUTES, *_ATTRIBUTE_PREFIXES),
        **prefixed(
            {name: Key(Entity.DATASET, name, values.text, MATCHED | LISTED) for name in ("name", "digest", "context")},
            "dataset",
            "datasets",
        ),
    },
    orderable={
        **_KEYS,
        **prefixed(
            attributes(
                values.text,
                NOT_FILTERED,
                *("status", "run_id", "run_name", "start_time", "end_time", "artifact_uri", "user_id"),
                **_CREATED,
            ),
            *_ATTRIBUTE_PREFIXES,
        ),
    },
)
