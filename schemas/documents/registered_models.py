"""A registered model as MLflow answers it."""

from typing import Final

from schemas.documents.key_values import KEY_VALUE
from schemas.documents.model_versions import MODEL_VERSION, MODEL_VERSION_IN_LIST
from schemas.documents.shape import Digits, Document, Integer, List, Nested, Object, Optional, Rows, Source, Text
from schemas.mlflow import MODEL_VERSION_STAGES

REGISTERED_MODELS: Final = Source("registered_models", "m")

LATEST_OF_STAGES: Final = " UNION ALL ".join(
    "SELECT max(latest.version) FROM model_versions latest"
    f" WHERE latest.registered_model_id = m.registered_model_id AND latest.current_stage = '{stage}'"
    for stage in MODEL_VERSION_STAGES
)
"""The highest version in each stage: a probe of an index for each."""

FIRST_OF_STAGE: Final = (
    "(SELECT min(first.version) FROM model_versions first"
    " WHERE first.registered_model_id = model_versions.registered_model_id"
    " AND first.current_stage = model_versions.current_stage)"
)
"""Source: MLflow 3.17 answers the stages in the order of the lowest version that is in each."""

_LATEST_VERSIONS: Final = Rows(
    "model_versions",
    owner="registered_model_id",
    where=f"model_versions.version IN ({LATEST_OF_STAGES})",
    order=FIRST_OF_STAGE,
)

REGISTERED_MODEL: Final = Document(
    REGISTERED_MODELS,
    Object(
        Text("name"),
        Integer("creation_timestamp", "creation_timestamp_ms"),
        Integer("last_updated_timestamp", "last_updated_timestamp_ms"),
        Optional(Text("description"), empty=""),
        List("latest_versions", _LATEST_VERSIONS, MODEL_VERSION_IN_LIST.shape),
        List("tags", Rows("registered_model_tags", owner="registered_model_id"), KEY_VALUE),
        List(
            "aliases",
            Rows("registered_model_aliases", owner="registered_model_id"),
            Object(Text("alias"), Digits("version")),
        ),
    ),
)

REGISTERED_MODEL_ANSWER: Final = Object(Nested("registered_model", REGISTERED_MODEL.shape))
"""The answer to requests that create or change it."""

LATEST_VERSIONS: Final = Document(
    REGISTERED_MODELS, Object(List("model_versions", _LATEST_VERSIONS, MODEL_VERSION.shape))
)
"""The highest version in each stage of a registered model, with their aliases."""
