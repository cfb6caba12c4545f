"""The door's look-ups in the SQLite read model.

Statements run on the event loop's own thread: each is a probe of a primary key or a unique index and takes some ten
microseconds, a fifth of what handing it to another thread would.
"""

import os
import sqlite3
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from ingest.deciding.lifecycle import is_active
from ingest.deciding.logged_models import LOGGED_MODEL_STATUSES
from ingest.port import DoorState, ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo
from schemas.errors import TemporarilyUnavailable

BUSY_WAIT_S: Final = 0.05
"""Readers of a WAL wait only while it is recovered; the event loop must not wait long."""

_EXPERIMENT: Final = "SELECT experiment_id, name, artifact_location, lifecycle_stage, lifecycle_us FROM experiments"
_RUN_NUMBER: Final = "(SELECT run_number FROM runs WHERE run_id = ?)"
_STATUS_NAMES: Final = {number: name for name, number in LOGGED_MODEL_STATUSES.items()}


class SqliteDoorState(DoorState):
    """Reads the file that `link` points to, and the one it points to next once that changes.

    `link` is a symbolic link that is replaced when a rebuilt read model takes over.
    """

    def __init__(self, link: Path) -> None:
        self._link = os.fspath(link)
        self._target = ""
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._target = ""

    async def experiment(self, experiment_id: int) -> ExperimentAtDoor | None:
        return self._experiment(f"{_EXPERIMENT} WHERE experiment_id = ?", experiment_id)

    async def experiment_named(self, name: str) -> ExperimentAtDoor | None:
        return self._experiment(f"{_EXPERIMENT} WHERE name = ?", name)

    async def last_experiment_id(self) -> int | None:
        last_id: int | None = self._one("SELECT max(experiment_id) FROM experiments")[0]
        return last_id

    async def has_experiment_tag(self, experiment_id: int, key: str) -> bool:
        return self._one("SELECT 1 FROM experiment_tags WHERE experiment_id = ? AND key = ?", experiment_id, key) != ()

    async def experiment_tag_keys(self, experiment_id: int, prefix: str) -> list[str]:
        rows = self._all(
            "SELECT key FROM experiment_tags WHERE experiment_id = ? AND substr(key, 1, ?) = ?",
            (experiment_id, len(prefix), prefix),
        )
        return [key for (key,) in rows]

    async def run(self, run_id: str) -> RunAtDoor | None:
        row = self._one(
            "SELECT run_id, experiment_id, lifecycle_stage, lifecycle_us FROM runs WHERE run_id = ?", run_id
        )
        return RunAtDoor(row[0], row[1], row[2] == "active", row[3]) if row else None

    async def run_info(self, run_id: str) -> RunInfo | None:
        row = self._one(
            "SELECT r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time_ms, r.end_time_ms,"
            " r.artifact_uri, r.lifecycle_stage, r.lifecycle_us, e.lifecycle_stage, e.lifecycle_us"
            " FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_id = ?",
            run_id,
        )
        if not row:
            return None
        run = RunAtDoor(row[0], row[1], row[8] == "active", row[9])
        active = run.active
        if row[11] is not None:  # None only while the experiment's own partition is behind
            active = is_active(run, ExperimentAtDoor(row[1], "", "", row[10] == "active", row[11]))
        return RunInfo(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], active)

    async def params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        if len(keys) == 1:
            rows = self._all(
                f"SELECT key, value FROM params WHERE run_number = {_RUN_NUMBER} AND key = ?", (run_id, keys[0])
            )
        else:
            rows = self._all(
                f"SELECT key, value FROM params WHERE run_number = {_RUN_NUMBER}"
                " AND key IN (SELECT value FROM json_each(?))",
                (run_id, orjson.dumps(list(keys)).decode()),
            )
        return dict(rows)

    async def has_run_tag(self, run_id: str, key: str) -> bool:
        return self._one(f"SELECT 1 FROM tags WHERE run_number = {_RUN_NUMBER} AND key = ?", run_id, key) != ()

    async def logged_models_output(self, run_id: str, model_ids: Sequence[str]) -> set[str]:
        rows = self._all(
            f"SELECT model_id FROM model_outputs WHERE run_number = {_RUN_NUMBER}"
            " AND model_id IN (SELECT value FROM json_each(?))",
            (run_id, orjson.dumps(list(model_ids)).decode()),
        )
        return {model_id for (model_id,) in rows}

    async def logged_model(self, model_id: str) -> LoggedModelAtDoor | None:
        row = self._one("SELECT model_id, experiment_id FROM logged_models WHERE model_id = ?", model_id)
        return LoggedModelAtDoor(row[0], row[1]) if row else None

    async def logged_model_json(self, model_id: str) -> bytes | None:
        row = self._one(
            "SELECT model_id, experiment_id, name, creation_timestamp_ms, last_updated_timestamp_ms, artifact_location,"
            " status, model_type, source_run_id FROM logged_models WHERE model_id = ?",
            model_id,
        )
        if not row:
            return None
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
        if tags := self._pairs("logged_model_tags", model_id):
            info["tags"] = tags
        data: dict[str, Any] = {}
        if params := self._pairs("logged_model_params", model_id):
            data["params"] = params
        if metrics := self._model_metrics(model_id):
            data["metrics"] = metrics
        return orjson.dumps({"model": {"info": info, "data": data}})

    def _pairs(self, table: str, model_id: str) -> list[dict[str, str]]:
        rows = self._all(f"SELECT key, value FROM {table} WHERE model_id = ? ORDER BY key", (model_id,))
        return [{"key": key, "value": value} for key, value in rows]

    def _model_metrics(self, model_id: str) -> list[dict[str, Any]]:
        rows = self._all(
            "SELECT key, value_json, timestamp_ms, step, dataset_name, dataset_digest, run_id FROM logged_model_metrics"
            " WHERE model_id = ? ORDER BY key, timestamp_ms, step, run_id",
            (model_id,),
        )
        metrics: list[dict[str, Any]] = []
        for key, value_json, timestamp_ms, step, dataset_name, dataset_digest, run_id in rows:
            metric = {"key": key, "value": orjson.Fragment(value_json), "timestamp": timestamp_ms, "step": step}
            if dataset_name is not None:
                metric["dataset_name"] = dataset_name
            if dataset_digest is not None:
                metric["dataset_digest"] = dataset_digest
            metrics.append({**metric, "model_id": model_id, "run_id": run_id})
        return metrics

    def _experiment(self, sql: str, key: int | str) -> ExperimentAtDoor | None:
        row = self._one(sql, key)
        return ExperimentAtDoor(row[0], row[1], row[2], row[3] == "active", row[4]) if row else None

    def _one(self, sql: str, *parameters: Any) -> tuple[Any, ...]:
        """The first row, () when there is none."""
        rows = self._all(sql, parameters)
        return rows[0] if rows else ()

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Every row, from the present read model. Raises TemporarilyUnavailable when there is none."""
        try:
            target = os.readlink(self._link)
            connection = self._connection
            if connection is None or target != self._target:
                connection = self._reopen(target)
            return connection.execute(sql, parameters).fetchall()
        except (OSError, sqlite3.OperationalError) as error:
            self.close()
            raise TemporarilyUnavailable(f"The read model {self._link} cannot be read: {error}") from error

    def _reopen(self, target: str) -> sqlite3.Connection:
        self.close()
        file = os.path.join(os.path.dirname(self._link), target)
        self._connection = sqlite3.connect(
            f"file:{urllib.parse.quote(file)}?mode=ro", uri=True, timeout=BUSY_WAIT_S, isolation_level=None
        )
        self._target = target
        return self._connection
