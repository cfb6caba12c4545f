"""Makes the schema that holds the event log and the list of read models, or brings it to this version."""

import asyncpg

from event_log.port import ForeignLog, LogAccessRefused
from event_log.postgresql.connection import no_connection
from schemas.migrations import ForeignDatabase, migrate
from schemas.migrations.control import HISTORY
from schemas.postgresql import CONTROL_SCHEMA
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS


async def ensure_control_schema(dsn: str) -> None:
    """Make the tables of `schemas.control` in the database `dsn`, or bring them to the newest version this code knows.

    Does nothing where that is so already, and is safe when several processes start at once.
    Raises ForeignLog where the schema is of something else or of a newer Tracklog, LogUnavailable where the database
    cannot be reached, LogAccessRefused where its user may not do it.
    """
    try:
        await migrate(dsn, schema=CONTROL_SCHEMA, history=HISTORY)
    except ForeignDatabase as error:
        raise ForeignLog(str(error)) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise LogAccessRefused(
            f"This user may not make or read the schema {CONTROL_SCHEMA} in the database: {error}"
        ) from error
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise no_connection(dsn, error) from error
