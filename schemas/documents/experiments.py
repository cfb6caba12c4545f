"""An experiment as MLflow answers it."""

from typing import Final

from schemas.documents.key_values import KEY_VALUE
from schemas.documents.shape import Constant, Digits, Document, Integer, List, Object, Rows, Source, Text, Word

EXPERIMENTS: Final = Source("experiments", "e")

EXPERIMENT: Final = Document(
    EXPERIMENTS,
    Object(
        Digits("experiment_id"),
        Text("name"),
        Text("artifact_location"),
        Word("lifecycle_stage"),
        Integer("last_update_time", "last_update_time_ms"),
        Integer("creation_time", "creation_time_ms"),
        List("tags", Rows("experiment_tags", owner="experiment_id"), KEY_VALUE),
        Constant("workspace", "default"),
    ),
)

EXPERIMENT_CREATED: Final = Object(Digits("experiment_id"))
"""The answer to the request that created it."""
