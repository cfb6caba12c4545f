"""What the door asks a read model, and what the rows of the answers mean, whatever database it is in.

Parameters are numbered as PostgreSQL writes them; `{in_2}` stands for "is in the list that is parameter 2".
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import orjson

from ingest.admission.lifecycle import is_active
from ingest.admission.lookups import ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo
from ingest.logged_models.decisions import LOGGED_MODEL_STATUSES

_EXPERIMENT: Final = (
    "SELECT experiment_id, name, artifact_location, lifecycle_stage, lifecycle_us, lifecycle_revision,"
    " creation_time_ms, claim FROM experiments"
)
_RUN_NUMBER: Final = "(SELECT run_number FROM runs WHERE run_id = $1)"
_STATUS_NAMES: Final = {number: name for name, number in LOGGED_MODEL_STATUSES.items()}

EXPERIMENT: Final = f"{_EXPERIMENT} WHERE experiment_id = $1"
EXPERIMENT_NAMED: Final = f"{_EXPERIMENT} WHERE name = $1"
LAST_EXPERIMENT_ID: Final = "SELECT max(experiment_id) FROM experiments"
EXPERIMENT_TAG: Final = "SELECT 1 FROM experiment_tags WHERE experiment_id = $1 AND key = $2"
EXPERIMENT_TAG_KEYS: Final = "SELECT key FROM experiment_tags WHERE experiment_id = $1 AND substr(key, 1, $2) = $3"
RUN: Final = (
    "SELECT run_id, experiment_id, lifecycle_stage, lifecycle_us, experiment_revision FROM runs WHERE run_id = $1"
)
RUN_INFO: Final = """
SELECT r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time_ms, r.end_time_ms, r.artifact_uri,
  r.lifecycle_stage, r.lifecycle_us, r.experiment_revision, e.lifecycle_stage, e.lifecycle_us, e.lifecycle_revision
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_id = $1
"""
PARAM: Final = f"SELECT key, value FROM params WHERE run_number = {_RUN_NUMBER} AND key = $2"
PARAMS: Final = f"SELECT key, value FROM params WHERE run_number = {_RUN_NUMBER} AND key {{in_2}}"
RUN_TAG: Final = f"SELECT 1 FROM tags WHERE run_number = {_RUN_NUMBER} AND key = $2"
OUTPUTS: Final = f"SELECT model_id FROM model_outputs WHERE run_number = {_RUN_NUMBER} AND model_id {{in_2}}"
LOGGED_MODEL: Final = "SELECT model_id, experiment_id FROM logged_models WHERE model_id = $1"
LOGGED_MODEL_TAG: Final = "SELECT 1 FROM logged_model_tags WHERE model_id = $1 AND key = $2"
LOGGED_MODEL_INFO: Final = """
SELECT model_id, experiment_id, name, creation_timestamp_ms, last_updated_timestamp_ms, artifact_location, status,
  model_type, source_run_id
FROM logged_models WHERE model_id = $1
"""
LOGGED_MODEL_TAGS: Final = "SELECT key, value FROM logged_model_tags WHERE model_id = $1 ORDER BY key"
LOGGED_MODEL_PARAM_KEYS: Final = "SELECT key FROM logged_model_params WHERE model_id = $1 AND key {in_2}"
LOGGED_MODEL_PARAMS: Final = "SELECT key, value FROM logged_model_params WHERE model_id = $1 ORDER BY key"
LOGGED_MODEL_METRICS: Final = """
SELECT key, value_json, timestamp_ms, step, dataset_name, dataset_digest, run_id
FROM logged_model_metrics WHERE model_id = $1 ORDER BY key, timestamp_ms, step, run_id
"""


class Row(Protocol):
    """A row as any driver gives it."""

    def __getitem__(self, column: int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


def experiment_of(row: Row) -> ExperimentAtDoor:
    """From a row of EXPERIMENT or EXPERIMENT_NAMED."""
    return ExperimentAtDoor(row[0], row[1], row[2], row[3] == "active", row[4], row[5], row[6], row[7])


def run_of(row: Row) -> RunAtDoor:
    """From a row of RUN."""
    return RunAtDoor(row[0], row[1], row[2] == "active", row[3], row[4])


def run_info_of(row: Row) -> RunInfo:
    """From a row of RUN_INFO."""
    run = RunAtDoor(row[0], row[1], row[8] == "active", row[9], row[10])
    active = run.active
    if row[12] is not None:  # None only while the experiment's own partition is behind
        active = is_active(run, ExperimentAtDoor(row[1], "", "", row[11] == "active", row[12], row[13]))
    return RunInfo(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], active)


def logged_model_of(row: Row) -> LoggedModelAtDoor:
    """From a row of LOGGED_MODEL."""
    return LoggedModelAtDoor(row[0], row[1])


def logged_model_json(row: Row, tags: Iterable[Row], params: Iterable[Row], metrics: Iterable[Row]) -> bytes:
    """From rows of LOGGED_MODEL_INFO, _TAGS, _PARAMS and _METRICS."""
    info: dict[str, Any] = {
        "model_id": row[0],
        "experiment_id": str(row[1]),
        "name": row[2],
        "creation_timestamp_ms": row[3],
        "last_updated_timestamp_ms": row[4],
        "artifact_uri": row[5],
        "status": _STATUS_NAMES[row[6]],
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
