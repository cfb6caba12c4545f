"""Fills an MLflow database with many runs or registered models by SQL: its API would take hours for the first."""

import random
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import training_data
from bench.training_data import TrainingClock

RUNS_IN_A_TRANSACTION = 5_000
_RUN = (
    "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
    " source_version, lifecycle_stage, artifact_uri, experiment_id)"
    " VALUES (?, ?, 'UNKNOWN', '', '', 'bench', 'RUNNING', ?, '', 'active', ?, ?)"
)
_METRIC = "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
_LATEST = _METRIC.replace("metrics", "latest_metrics")
_PARAM = "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)"
_TAG = _PARAM.replace("params", "tags")

_MODEL = "INSERT INTO registered_models (name, creation_time, last_updated_time, description) VALUES (?, ?, ?, '')"
_MODEL_TAG = "INSERT INTO registered_model_tags (name, key, value) VALUES (?, ?, ?)"
_VERSION = (
    "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, current_stage, source,"
    " run_id, status, run_link, storage_location) VALUES (?, ?, ?, ?, '', 'None', ?, ?, 'READY', '', ?)"
)
_VERSION_TAG = "INSERT INTO model_version_tags (name, version, key, value) VALUES (?, ?, ?, ?)"
MODELS_IN_A_TRANSACTION = 1_000

Row = tuple[Any, ...]


def seed_runs(database: Path, experiment_id: str, count: int) -> None:
    """Write `count` runs of 10 metrics, 10 params and 10 tags, the same rows as the API makes of such runs."""
    chance = random.Random("mlflow")
    connection = sqlite3.connect(database, timeout=60)
    try:
        for first in range(0, count, RUNS_IN_A_TRANSACTION):
            size = min(RUNS_IN_A_TRANSACTION, count - first)
            _insert(connection, [_rows(experiment_id, chance) for _ in range(size)])
    finally:
        connection.close()


def seed_registry(database: Path, count: int, versions: int) -> None:
    """Write `count` registered models of `versions` each, the same rows as the API makes of `registered_models`."""
    chance = random.Random("mlflow")
    connection = sqlite3.connect(database, timeout=60)
    try:
        for first in range(0, count, MODELS_IN_A_TRANSACTION):
            last = min(first + MODELS_IN_A_TRANSACTION, count)
            _insert(connection, [_registered(number, versions, chance) for number in range(first, last)])
    finally:
        connection.close()


def _registered(number: int, versions: int, chance: random.Random) -> dict[str, list[Row]]:
    name, time_ms = training_data.model_name(number), training_data.FIRST_TIMESTAMP_MS + number
    rows: dict[str, list[Row]] = {
        _MODEL: [(name, time_ms, time_ms)],
        _MODEL_TAG: [(name, tag["key"], tag["value"]) for tag in training_data.model_tags(number)],
        _VERSION: [],
        _VERSION_TAG: [],
    }
    for version in range(versions):
        body = training_data.version_to_create(name, chance, version)
        source = body["source"]
        rows[_VERSION].append((name, version + 1, time_ms, time_ms, source, body["run_id"], source))
        rows[_VERSION_TAG] += [(name, version + 1, tag["key"], tag["value"]) for tag in body["tags"]]
    return rows


def _insert(connection: sqlite3.Connection, runs: list[dict[str, list[Row]]]) -> None:
    with connection:
        for statement in runs[0]:
            connection.executemany(statement, _of_all(runs, statement))


def _of_all(runs: list[dict[str, list[Row]]], statement: str) -> Iterator[Row]:
    for run in runs:
        yield from run[statement]


def _rows(experiment_id: str, chance: random.Random) -> dict[str, list[Row]]:
    run_id = uuid.UUID(int=chance.getrandbits(128), version=4).hex
    created = training_data.run_to_create(experiment_id, chance, training_data.tags(7, chance))
    artifacts = f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts"
    points = [
        (run_id, point["key"], point["value"], point["timestamp"], point["step"])
        for point in training_data.metrics(10, TrainingClock(chance))
    ]
    tags = [*created["tags"], {"key": "mlflow.runName", "value": created["run_name"]}]
    return {
        _RUN: [(run_id, created["run_name"], created["start_time"], artifacts, int(experiment_id))],
        _METRIC: points,
        _LATEST: points,
        _PARAM: [(run_id, param["key"], param["value"]) for param in training_data.params(10, chance)],
        _TAG: [(run_id, tag["key"], tag["value"]) for tag in tags],
    }
