"""Opening the stores of ours that lie beside the read model in its database."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

import asyncpg

from event_log.port import ForeignLog
from schemas.errors import TemporarilyUnavailable
from schemas.migrations import ForeignDatabase
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS, cannot_connect
from tracklog.serving.services import CannotStart

if TYPE_CHECKING:
    from tracklog.proving.postgresql_proof_store import PostgresqlProofStore

T = TypeVar("T")


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
    return await _opened(store.open(dsn), store.schema, dsn)


async def opened_proofs(dsn: str, log_id: str) -> "PostgresqlProofStore":
    """The proofs of a log in a database. Raises as `opened_store`."""
    from tracklog.proving.postgresql_proof_store import PostgresqlProofStore

    return await _opened(PostgresqlProofStore.open(dsn, log_id), PostgresqlProofStore.schema, dsn)


async def _opened(opening: Coroutine[Any, Any, T], schema: str, dsn: str) -> T:
    try:
        return await opening
    except ForeignDatabase as error:
        raise ForeignLog(str(error)) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CannotStart(f"This user may not make or read the schema {schema}: {error}") from error
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise TemporarilyUnavailable(cannot_connect(dsn, error)) from error
