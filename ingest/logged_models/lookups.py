"""What commands ask the read model about logged models."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

import orjson

from ingest.admission.known_entities import EntityKind
from ingest.admission.lookups import Lookup, Row
from ingest.logged_models.state import KnownLoggedModel
from schemas.errors import ResourceDoesNotExist
from schemas.mlflow import LOGGED_MODEL_STATUSES


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


def _logged_model_json(row: Row) -> bytes:
    tags, params, metrics = (orjson.loads(row[column] or "[]") for column in (9, 10, 11))
    info: dict[str, Any] = {
        "model_id": row[0],
        "experiment_id": str(row[1]),
        "name": row[2],
        "creation_timestamp_ms": row[3],
        "last_updated_timestamp_ms": row[4],
        "artifact_uri": row[5],
        "status": LOGGED_MODEL_STATUSES[row[6]],
        "model_type": row[7],
        "source_run_id": row[8],
    }
    if shown := _pairs(tags):
        info["tags"] = shown
    data: dict[str, Any] = {}
    if shown := _pairs(params):
        data["params"] = shown
    if points := [_metric(row[0], metric) for metric in metrics]:
        data["metrics"] = points
    return orjson.dumps({"model": {"info": info, "data": data}})


def _pairs(rows: Iterable[Row]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in rows]


def _metric(model_id: str, row: Row) -> dict[str, Any]:
    key, value_json, timestamp_ms, step, dataset_name, dataset_digest, run_id = row
    metric = {"key": key, "value": orjson.Fragment(value_json), "timestamp": timestamp_ms, "step": step}
    if dataset_name is not None:
        metric["dataset_name"] = dataset_name
    if dataset_digest is not None:
        metric["dataset_digest"] = dataset_digest
    return {**metric, "model_id": model_id, "run_id": run_id}


LOGGED_MODEL_JSON: Final = Lookup(
    """
SELECT m.model_id, m.experiment_id, m.name, m.creation_timestamp_ms, m.last_updated_timestamp_ms, m.artifact_location,
  m.status, m.model_type, m.source_run_id,
  (SELECT json_agg(json_build_array(key, value))
   FROM (SELECT key, value FROM logged_model_tags WHERE model_id = $1 ORDER BY key) AS ordered),
  (SELECT json_agg(json_build_array(key, value))
   FROM (SELECT key, value FROM logged_model_params WHERE model_id = $1 ORDER BY key) AS ordered),
  (SELECT json_agg(json_build_array(key, value_json, timestamp_ms, step, dataset_name, dataset_digest, run_id))
   FROM (SELECT key, value_json, timestamp_ms, step, dataset_name, dataset_digest, run_id
         FROM logged_model_metrics WHERE model_id = $1 ORDER BY key, timestamp_ms, step, run_id) AS ordered)
FROM logged_models AS m WHERE m.model_id = $1
""",
    _logged_model_json,
)
"""The whole model as the REST surface shows it, {"model": {...}}."""
