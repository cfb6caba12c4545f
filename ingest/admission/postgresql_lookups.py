"""The door's look-ups in the PostgreSQL read model, each one round trip."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from ingest.admission import lookup_rows as door_rows
from ingest.admission.lookup_rows import Row
from ingest.admission.lookups import DoorState, ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo
from schemas.postgresql import ReadModelConnections

LOOKUP_TIMEOUT_S: Final = 1.5
"""Each is a probe by key, of a millisecond. A PostgreSQL that hangs must not hold up what can do without it."""

_PARAMS: Final = door_rows.PARAMS.format(in_2="= ANY($2::text[])")
_OUTPUTS: Final = door_rows.OUTPUTS.format(in_2="= ANY($2::text[])")
_LOGGED_MODEL_PARAM_KEYS: Final = door_rows.LOGGED_MODEL_PARAM_KEYS.format(in_2="= ANY($2::text[])")


def _rows_as_json(sql: str) -> str:
    """The rows that `sql` selects, in its order, as one column: a JSON array of objects."""
    return f"(SELECT json_agg(found) FROM ({sql}) AS found)"


_LOGGED_MODEL_WHOLE: Final = f"""
SELECT info.*, {_rows_as_json(door_rows.LOGGED_MODEL_TAGS)}, {_rows_as_json(door_rows.LOGGED_MODEL_PARAMS)},
  {_rows_as_json(door_rows.LOGGED_MODEL_METRICS)}
FROM ({door_rows.LOGGED_MODEL_INFO}) AS info
"""


class PostgresqlDoorState(DoorState):
    """Reads the live read model of this code's version."""

    def __init__(self, connections: ReadModelConnections) -> None:
        self._connections = connections

    async def experiment(self, experiment_id: int) -> ExperimentAtDoor | None:
        row = await self._one(door_rows.EXPERIMENT, experiment_id)
        return door_rows.experiment_of(row) if row else None

    async def experiment_named(self, name: str) -> ExperimentAtDoor | None:
        row = await self._one(door_rows.EXPERIMENT_NAMED, name)
        return door_rows.experiment_of(row) if row else None

    async def last_experiment_id(self) -> int | None:
        row = await self._one(door_rows.LAST_EXPERIMENT_ID)
        return None if row is None else row[0]

    async def has_experiment_tag(self, experiment_id: int, key: str) -> bool:
        return len(await self._all(door_rows.EXPERIMENT_TAG, experiment_id, key)) > 0

    async def experiment_tag_keys(self, experiment_id: int, prefix: str) -> list[str]:
        return [row[0] for row in await self._all(door_rows.EXPERIMENT_TAG_KEYS, experiment_id, len(prefix), prefix)]

    async def run(self, run_id: str) -> RunAtDoor | None:
        row = await self._one(door_rows.RUN, run_id)
        return door_rows.run_of(row) if row else None

    async def run_info(self, run_id: str) -> RunInfo | None:
        row = await self._one(door_rows.RUN_INFO, run_id)
        return door_rows.run_info_of(row) if row else None

    async def params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        return {row[0]: row[1] for row in await self._all(_PARAMS, run_id, _storable(keys))}

    async def has_run_tag(self, run_id: str, key: str) -> bool:
        return len(await self._all(door_rows.RUN_TAG, run_id, key)) > 0

    async def logged_models_output(self, run_id: str, model_ids: Sequence[str]) -> set[str]:
        return {row[0] for row in await self._all(_OUTPUTS, run_id, _storable(model_ids))}

    async def logged_model(self, model_id: str) -> LoggedModelAtDoor | None:
        row = await self._one(door_rows.LOGGED_MODEL, model_id)
        return door_rows.logged_model_of(row) if row else None

    async def logged_model_params(self, model_id: str, keys: Sequence[str]) -> set[str]:
        return {row[0] for row in await self._all(_LOGGED_MODEL_PARAM_KEYS, model_id, _storable(keys))}

    async def has_logged_model_tag(self, model_id: str, key: str) -> bool:
        return len(await self._all(door_rows.LOGGED_MODEL_TAG, model_id, key)) > 0

    async def logged_model_json(self, model_id: str) -> bytes | None:
        row = await self._one(_LOGGED_MODEL_WHOLE, model_id)
        if row is None:
            return None
        tags, params, metrics = ([one.values() for one in orjson.loads(row[column] or "[]")] for column in (9, 10, 11))
        return door_rows.logged_model_json(row, tags, params, metrics)

    async def _one(self, sql: str, *parameters: Any) -> Row | None:
        rows = await self._all(sql, *parameters)
        return rows[0] if rows else None

    async def _all(self, sql: str, *parameters: Any) -> Sequence[Row]:
        if any(isinstance(one, str) and "\0" in one for one in parameters):
            return ()  # PostgreSQL holds no such text
        async with self._connections.acquire() as connection:
            return await connection.fetch(sql, *parameters, timeout=LOOKUP_TIMEOUT_S)


def _storable(keys: Sequence[str]) -> list[str]:
    """Those that PostgreSQL can hold."""
    return [key for key in keys if "\0" not in key]
