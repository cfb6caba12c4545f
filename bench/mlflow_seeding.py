"""Fills an MLflow database with many runs by SQL, because its API would take hours for what one measure needs."""

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


def _insert(connection: sqlite3.Connection, runs: list[dict[str, list[Row]]]) -> None:
    with connection:
        for statement in (_RUN, _METRIC, _LATEST, _PARAM, _TAG):
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
