"""What commands ask the read model about logged models."""

from operator import itemgetter
from typing import Final

import orjson

from ingest.admission.known_entities import EntityKind
from ingest.admission.lookups import Lookup, Row
from ingest.logged_models.answers import LoggedModelInfo, ModelMetric
from ingest.logged_models.state import KnownLoggedModel
from schemas.errors import ResourceDoesNotExist
from schemas.events import Param, Tag


def _logged_model(row: Row) -> KnownLoggedModel:
    return KnownLoggedModel(row[0], row[1])


def _not_found(model_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Logged model with ID '{model_id}' not found.")


LOGGED_MODELS: Final = EntityKind(
    lookup=Lookup("SELECT model_id, experiment_id FROM logged_models WHERE model_id = $1", _logged_model),
    not_found=_not_found,
)
"""Known by their ids, deleted ones too."""

LOGGED_MODEL_PARAM_KEYS: Final[Lookup[str]] = Lookup(
    "SELECT key FROM logged_model_params WHERE model_id = $1 AND key = ANY($2)", itemgetter(0)
)
"""Those of a list of keys that the model has params of."""

LOGGED_MODEL_TAG: Final[Lookup[str]] = Lookup(
    "SELECT key FROM logged_model_tags WHERE model_id = $1 AND key = $2", itemgetter(0)
)


def _info(row: Row) -> LoggedModelInfo:
    *columns, tags, params, metrics = row
    return LoggedModelInfo._make(
        (
            *columns,
            [Tag(*pair) for pair in orjson.loads(tags or "[]")],
            [Param(*pair) for pair in orjson.loads(params or "[]")],
            [ModelMetric(*point) for point in orjson.loads(metrics or "[]")],
        )
    )


_POINT: Final = ", ".join(ModelMetric._fields)

LOGGED_MODEL_INFO: Final = Lookup(
    f"""
SELECT {", ".join(LoggedModelInfo._fields[:-3])},
  (SELECT json_agg(json_build_array(key, value))
   FROM (SELECT key, value FROM logged_model_tags WHERE model_id = $1 ORDER BY key) AS ordered),
  (SELECT json_agg(json_build_array(key, value))
   FROM (SELECT key, value FROM logged_model_params WHERE model_id = $1 ORDER BY key) AS ordered),
  (SELECT json_agg(json_build_array({_POINT}))
   FROM (SELECT {_POINT}
         FROM logged_model_metrics WHERE model_id = $1 ORDER BY key, timestamp_ms, step, run_id) AS ordered)
FROM logged_models WHERE model_id = $1
""",
    _info,
)
"""The whole model, as it is answered."""
