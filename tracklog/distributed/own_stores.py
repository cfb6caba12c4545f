"""Opening the stores of ours that lie beside the read model in its database."""

from typing import ClassVar, Protocol, Self, TypeVar

import asyncpg

from event_log.port import ForeignLog
from schemas.errors import TemporarilyUnavailable
from schemas.migrations import ForeignDatabase
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS, cannot_connect
from tracklog.serving.services import CannotStart


class OwnStore(Protocol):
    """A store in a schema of its own."""

    schema: ClassVar[str]

    @classmethod
    async def open(cls, dsn: str) -> Self: ...


S = TypeVar("S", bound=OwnStore)


async def opened_store(store: type[S], dsn: str) -> S:
    """A store in a database, made where there is none.

    Raises TemporarilyUnavailable while the database is away, CannotStart for want of a right, and ForeignLog.
    """
    try:
        return await store.open(dsn)
    except ForeignDatabase as error:
        raise ForeignLog(str(error)) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CannotStart(f"This user may not make or read the schema {store.schema}: {error}") from error
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise TemporarilyUnavailable(cannot_connect(dsn, error)) from error
