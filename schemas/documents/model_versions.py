"""A version of a registered model as MLflow answers it."""

from typing import Final

from schemas.documents.key_values import KEY_VALUE
from schemas.documents.shape import (
    Constant,
    Digits,
    Document,
    Integer,
    List,
    Member,
    Nested,
    Object,
    Optional,
    Rows,
    Source,
    Text,
    Word,
)

MODEL_VERSIONS: Final = Source("model_versions", "v")

_MEMBERS: Final[tuple[Member, ...]] = (
    Text("name"),
    Digits("version"),
    Integer("creation_timestamp", "creation_timestamp_ms"),
    Integer("last_updated_timestamp", "last_updated_timestamp_ms"),
    Word("current_stage"),
    Optional(Text("description")),
    Text("source"),
    Text("run_id"),
    Constant("status", "READY"),
    List("tags", Rows("model_version_tags", owner="version_id"), KEY_VALUE),
    Text("run_link"),
)

_ALIASES: Final = List(
    "aliases",
    # In the order of an index: that of the primary key begins with the model.
    Rows("registered_model_aliases", owner="version_id", order="registered_model_aliases.alias"),
    Text("alias"),
)

MODEL_VERSION: Final = Document(MODEL_VERSIONS, Object(*_MEMBERS, _ALIASES))

MODEL_VERSION_IN_LIST: Final = Document(MODEL_VERSIONS, Object(*_MEMBERS))
"""MLflow's searches, and the latest versions of a registered model, leave the aliases out."""

MODEL_VERSION_ANSWER: Final = Object(Nested("model_version", MODEL_VERSION.shape))
"""The answer to requests that create or change it."""
