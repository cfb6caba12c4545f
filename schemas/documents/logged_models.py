"""A logged model as MLflow answers it."""

from typing import Final

from schemas.documents.key_values import KEY_VALUE
from schemas.documents.shape import (
    Digits,
    Document,
    Integer,
    Json,
    List,
    Nested,
    Numbered,
    Object,
    Optional,
    Rows,
    Source,
    Text,
)
from schemas.mlflow import LOGGED_MODEL_STATUSES

LOGGED_MODELS: Final = Source("logged_models", "m")

UNSPECIFIED: Final = "LOGGED_MODEL_STATUS_UNSPECIFIED"
"""What a number that is no LoggedModelStatus is answered as."""

_METRIC: Final = Object(
    Text("key"),
    Json("value", "value_json"),
    Integer("timestamp", "timestamp_ms"),
    Integer("step"),
    Optional(Text("dataset_name"), empty=""),
    Optional(Text("dataset_digest"), empty=""),
    Text("model_id"),
    Text("run_id"),
)

LOGGED_MODEL: Final = Document(
    LOGGED_MODELS,
    Object(
        Nested(
            "info",
            Object(
                Text("model_id"),
                Digits("experiment_id"),
                Text("name"),
                Integer("creation_timestamp_ms"),
                Integer("last_updated_timestamp_ms"),
                Text("artifact_uri", "artifact_location"),
                Numbered("status", "status", LOGGED_MODEL_STATUSES, UNSPECIFIED),
                Text("model_type"),
                Text("source_run_id"),
                List("tags", Rows("logged_model_tags", owner="model_id"), KEY_VALUE),
            ),
        ),
        Nested(
            "data",
            Object(
                List("params", Rows("logged_model_params", owner="model_id"), KEY_VALUE),
                List("metrics", Rows("logged_model_metrics", owner="model_id"), _METRIC),
            ),
        ),
    ),
)

LOGGED_MODEL_ANSWER: Final = Object(Nested("model", LOGGED_MODEL.shape))
"""The answer to requests that create or change it."""
