"""What commands ask the read model about versions of registered models, and about what these may be made from."""

from operator import itemgetter
from typing import Final

import orjson

from ingest.admission.lookups import Lookup, Row
from ingest.model_versions.answers import ModelVersionInfo
from ingest.model_versions.state import KnownVersion, LoggedModelFiles
from schemas.events import Tag
from schemas.mlflow import ACTIVE

_VERSION: Final = (
    "SELECT v.version_id, v.name, v.version, v.run_id, v.storage_location, v.logged_model_id FROM model_versions v"
)


def _known(row: Row) -> KnownVersion:
    return KnownVersion(*row)


VERSION: Final = Lookup(f"{_VERSION} WHERE v.reference = $1", _known)
"""By `<name>/<number>`."""

VERSION_OF_ALIAS: Final = Lookup(
    f"{_VERSION} JOIN registered_model_aliases a ON a.version_id = v.version_id WHERE a.reference = $1", _known
)
"""By `<name>@<alias>`."""

LATEST_VERSION: Final = Lookup(f"{_VERSION} WHERE v.name = $1 ORDER BY v.version DESC LIMIT 1", _known)
"""The highest number of a model, by its name."""

LATEST_VERSION_IN_STAGE: Final = Lookup(
    f"{_VERSION} JOIN registered_models m ON m.registered_model_id = v.registered_model_id"
    " WHERE m.name = $1 AND v.current_stage = $2 ORDER BY v.version DESC LIMIT 1",
    _known,
)


def _info(row: Row) -> ModelVersionInfo:
    *columns, tags, aliases = row
    return ModelVersionInfo._make(
        (*columns, [Tag(*pair) for pair in orjson.loads(tags or "[]")], orjson.loads(aliases or "[]"))
    )


MODEL_VERSION_INFO: Final = Lookup(
    f"""
SELECT {", ".join(ModelVersionInfo._fields[:-2])},
  (SELECT json_agg(json_build_array(key, value))
   FROM (SELECT key, value FROM model_version_tags WHERE version_id = $1 ORDER BY key) AS ordered),
  (SELECT json_agg(alias)
   FROM (SELECT alias FROM registered_model_aliases WHERE version_id = $1 ORDER BY alias) AS ordered)
FROM model_versions WHERE version_id = $1
""",
    _info,
)
"""The whole version, as it is answered, by its version id."""

RUN_ARTIFACTS: Final[Lookup[str]] = Lookup("SELECT artifact_uri FROM runs WHERE run_id = $1", itemgetter(0))
"""Where the artifacts of a run are, also of a deleted one."""


def _logged_model(row: Row) -> LoggedModelFiles:
    return LoggedModelFiles(*row)


LOGGED_MODEL_FILES: Final = Lookup(
    "SELECT model_id, source_run_id, artifact_location FROM logged_models"
    f" WHERE model_id = $1 AND lifecycle_stage = '{ACTIVE}'",
    _logged_model,
)
"""None of a deleted model: nothing new is made from it, as in MLflow."""
