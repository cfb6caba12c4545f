"""Which logs in Kafka have sealed payloads: as they were born, while no event tells, and where their keys are."""

import uuid
from typing import Final

from event_log.postgresql.connection import connect
from event_log.postgresql.control_schema import ensure_control_schema

KEYS_SCHEMA: Final = "tracklog_keys"

_BIRTH: Final = """
WITH born AS (
  INSERT INTO tracklog.log_births (log_id, seals) VALUES ($1, $2) ON CONFLICT (log_id) DO NOTHING RETURNING seals
)
SELECT seals FROM born UNION ALL SELECT seals FROM tracklog.log_births WHERE log_id = $1
"""


async def seals_from_birth(dsn: str, log_id: str, *, wanted: bool) -> bool:
    """Whether the payloads of a log are sealed: as the first said who asked. Raises LogUnavailable, ForeignLog."""
    await ensure_control_schema(dsn)
    connection = await connect(dsn, {"synchronous_commit": "on"})
    try:
        while True:
            # Of one that another has just put there nothing is seen by the statement that found it in its way.
            seals = await connection.fetchval(_BIRTH, uuid.UUID(log_id), wanted)
            if seals is not None:
                return bool(seals)
    finally:
        await connection.close()


async def log_of_keys(dsn: str, log_id: str) -> str | None:
    """The id of the log whose keys an open log is sealed under; None where it is not. Raises LogUnavailable."""
    connection = await connect(dsn, {})
    try:
        if await connection.fetchval("SELECT to_regclass($1)", f"{KEYS_SCHEMA}.logs") is None:
            return None
        found = await connection.fetchval(f"SELECT keys FROM {KEYS_SCHEMA}.logs WHERE log_id = $1", uuid.UUID(log_id))
        return None if found is None else str(found)
    finally:
        await connection.close()
