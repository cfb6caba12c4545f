"""What every process that uses PostgreSQL agrees on: the schemas and channels of a database that holds Tracklog.

One database holds one Tracklog. What cannot be made again (the event log, where PostgreSQL keeps it, and the list of
read models) lies in CONTROL_SCHEMA. Each generation of the read model is a schema of its own, whose tables are those of
`read_model.tables`, unqualified: a connection finds them by its `search_path`.

`read_models` in CONTROL_SCHEMA lists the generations (`generation`, `schema_version`, `state`, `log_id`): at most one
is 'live' for each schema version and log, so that code of two versions runs side by side during an upgrade, each on
its own read model, and no process is given the read model of another log.
"""

from typing import TYPE_CHECKING, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

CONTROL_SCHEMA: Final = "tracklog"

LOG_CHANNEL: Final = "tracklog_log"
"""Notified with the log's end when events were appended to the log in PostgreSQL."""

READ_MODELS_CHANNEL: Final = "tracklog_read_models"
"""Notified with the number of a generation that became live."""

PROGRESS_CHANNEL: Final = "tracklog_progress"
"""Notified in each commit of a projector, with `read_model.progress_message.Committed` as JSON."""

FLUSH_CHANNEL: Final = "tracklog_hurry"
"""Notified, without a payload, when a reader waits for the read model; projectors then do not linger.

The name on the wire is an old one: processes of two versions share a database while they are replaced one by one."""


LETTERS: Final = "letters"
"""A collation in each generation that knows the case of letters beyond ASCII, whatever the locale of the database."""

CREATE_LETTERS: Final = f"""
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'pg_c_utf8') THEN
    CREATE COLLATION {LETTERS} FROM pg_catalog.pg_c_utf8;  -- came with PostgreSQL 17
  ELSIF EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu') THEN
    CREATE COLLATION {LETTERS} FROM pg_catalog."und-x-icu";
  ELSIF EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'C.utf8') THEN
    CREATE COLLATION {LETTERS} FROM pg_catalog."C.utf8";
  ELSE
    CREATE COLLATION {LETTERS} FROM pg_catalog."C";  -- which knows those of ASCII alone
  END IF;
END $$
"""


def schema_of(generation: int) -> str:
    """The schema that holds a generation of the read model."""
    return f"tracklog_read_model_{generation}"


if TYPE_CHECKING:
    Connection = PoolConnectionProxy[asyncpg.Record]
else:
    Connection = PoolConnectionProxy  # generic for type checkers alone
