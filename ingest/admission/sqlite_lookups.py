"""The door's look-ups in the SQLite read model.

Statements run on the event loop's own thread: each is a probe of a primary key or a unique index and takes some ten
microseconds, a fifth of what handing it to another thread would.
"""

import os
import sqlite3
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from ingest.admission import lookup_rows as door_rows
from ingest.admission.lookups import DoorState, ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo
from schemas.errors import TemporarilyUnavailable
from schemas.sqlite_errors import is_damage, is_passing

OnDamage = Callable[[str, str], None]
"""Told the file's name, and what is wrong with it; what was asked is answered 503."""

BUSY_WAIT_S: Final = 0.05
"""Readers of a WAL wait only while it is recovered; the event loop must not wait long."""


def _in_sqlite(sql: str) -> str:
    """A statement of `door_rows` as SQLite writes it; a list is passed as JSON."""
    return sql.format(in_2="IN (SELECT value FROM json_each($2))").replace("$", "?")


_EXPERIMENT: Final = _in_sqlite(door_rows.EXPERIMENT)
_EXPERIMENT_NAMED: Final = _in_sqlite(door_rows.EXPERIMENT_NAMED)
_LAST_EXPERIMENT_ID: Final = _in_sqlite(door_rows.LAST_EXPERIMENT_ID)
_EXPERIMENT_TAG: Final = _in_sqlite(door_rows.EXPERIMENT_TAG)
_EXPERIMENT_TAG_KEYS: Final = _in_sqlite(door_rows.EXPERIMENT_TAG_KEYS)
_RUN: Final = _in_sqlite(door_rows.RUN)
_RUN_INFO: Final = _in_sqlite(door_rows.RUN_INFO)
_PARAM: Final = _in_sqlite(door_rows.PARAM)
_PARAMS: Final = _in_sqlite(door_rows.PARAMS)
_RUN_TAG: Final = _in_sqlite(door_rows.RUN_TAG)
_OUTPUTS: Final = _in_sqlite(door_rows.OUTPUTS)
_LOGGED_MODEL: Final = _in_sqlite(door_rows.LOGGED_MODEL)
_LOGGED_MODEL_TAG: Final = _in_sqlite(door_rows.LOGGED_MODEL_TAG)
_LOGGED_MODEL_INFO: Final = _in_sqlite(door_rows.LOGGED_MODEL_INFO)
_LOGGED_MODEL_TAGS: Final = _in_sqlite(door_rows.LOGGED_MODEL_TAGS)
_LOGGED_MODEL_PARAM_KEYS: Final = _in_sqlite(door_rows.LOGGED_MODEL_PARAM_KEYS)
_LOGGED_MODEL_PARAMS: Final = _in_sqlite(door_rows.LOGGED_MODEL_PARAMS)
_LOGGED_MODEL_METRICS: Final = _in_sqlite(door_rows.LOGGED_MODEL_METRICS)


class SqliteDoorState(DoorState):
    """Reads the file that `link` points to, and the one it points to next once that changes.

    `link` is a symbolic link that is replaced when a rebuilt read model takes over.
    """

    def __init__(self, link: Path, on_damage: OnDamage = lambda _file, _why: None) -> None:
        self._link = os.fspath(link)
        self._on_damage = on_damage
        self._target = ""
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._target = ""

    async def experiment(self, experiment_id: int) -> ExperimentAtDoor | None:
        row = self._one(_EXPERIMENT, experiment_id)
        return door_rows.experiment_of(row) if row else None

    async def experiment_named(self, name: str) -> ExperimentAtDoor | None:
        row = self._one(_EXPERIMENT_NAMED, name)
        return door_rows.experiment_of(row) if row else None

    async def last_experiment_id(self) -> int | None:
        last_id: int | None = self._one(_LAST_EXPERIMENT_ID)[0]
        return last_id

    async def has_experiment_tag(self, experiment_id: int, key: str) -> bool:
        return self._one(_EXPERIMENT_TAG, experiment_id, key) != ()

    async def experiment_tag_keys(self, experiment_id: int, prefix: str) -> list[str]:
        return [key for (key,) in self._all(_EXPERIMENT_TAG_KEYS, (experiment_id, len(prefix), prefix))]

    async def run(self, run_id: str) -> RunAtDoor | None:
        row = self._one(_RUN, run_id)
        return door_rows.run_of(row) if row else None

    async def run_info(self, run_id: str) -> RunInfo | None:
        row = self._one(_RUN_INFO, run_id)
        return door_rows.run_info_of(row) if row else None

    async def params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        if len(keys) == 1:
            return dict(self._all(_PARAM, (run_id, keys[0])))
        return dict(self._all(_PARAMS, (run_id, _as_list(keys))))

    async def has_run_tag(self, run_id: str, key: str) -> bool:
        return self._one(_RUN_TAG, run_id, key) != ()

    async def logged_models_output(self, run_id: str, model_ids: Sequence[str]) -> set[str]:
        return {model_id for (model_id,) in self._all(_OUTPUTS, (run_id, _as_list(model_ids)))}

    async def logged_model(self, model_id: str) -> LoggedModelAtDoor | None:
        row = self._one(_LOGGED_MODEL, model_id)
        return door_rows.logged_model_of(row) if row else None

    async def logged_model_params(self, model_id: str, keys: Sequence[str]) -> set[str]:
        return {key for (key,) in self._all(_LOGGED_MODEL_PARAM_KEYS, (model_id, _as_list(keys)))}

    async def has_logged_model_tag(self, model_id: str, key: str) -> bool:
        return self._one(_LOGGED_MODEL_TAG, model_id, key) != ()

    async def logged_model_json(self, model_id: str) -> bytes | None:
        row = self._one(_LOGGED_MODEL_INFO, model_id)
        if not row:
            return None
        tags, params, metrics = (
            self._all(sql, (model_id,)) for sql in (_LOGGED_MODEL_TAGS, _LOGGED_MODEL_PARAMS, _LOGGED_MODEL_METRICS)
        )
        return door_rows.logged_model_json(row, tags, params, metrics)

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
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error):
                if is_damage(error):
                    self._on_damage(self._target, str(error))
                elif not is_passing(error):
                    raise
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


def _as_list(keys: Sequence[str]) -> str:
    return orjson.dumps(list(keys)).decode()
