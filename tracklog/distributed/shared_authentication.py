"""What a process on shared stores knows users by: the secrets in the database of its read model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg

from event_log.port import ForeignLog
from schemas.errors import TemporarilyUnavailable
from schemas.migrations import ForeignDatabase
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS, cannot_connect
from tracklog.distributed.availability import once_available
from tracklog.distributed.shared_system import SharedSystem
from tracklog.secret_store.store import POSTGRESQL_SCHEMA, PostgresqlSecretStore
from tracklog.serving.authentication import Authentication, open_authentication
from tracklog.serving.services import CannotStart, Services
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import SharedStores


@asynccontextmanager
async def shared_authentication(
    settings: Settings, system: SharedSystem[Any], stopping: asyncio.Event
) -> AsyncIterator[Authentication | None]:
    """None where users are not to be known. Waits for a database that is away. Raises ForeignLog, ToldToStop."""
    if settings.web.authentication is None:
        yield None
        return
    from query_api.postgresql.read_model import PostgresqlReadModel

    assert isinstance(settings.stores, SharedStores)
    secrets = await once_available(partial(_opened, settings.stores.read_model.dsn), stopping)
    try:
        read_model = PostgresqlReadModel(system.connections)
        async with open_authentication(
            settings.web.authentication, system.log, system.progress, read_model, secrets
        ) as authentication:
            yield authentication
    finally:
        await secrets.close()


def known_by(authentication: Authentication | None) -> Services:
    """The part of a process that knows its users."""
    return Services(routes=(), authenticator=None if authentication is None else authentication.authenticator)


async def _opened(dsn: str) -> PostgresqlSecretStore:
    try:
        return await PostgresqlSecretStore.open(dsn)
    except ForeignDatabase as error:
        raise ForeignLog(str(error)) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CannotStart(f"This user may not make or read the schema {POSTGRESQL_SCHEMA}: {error}") from error
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise TemporarilyUnavailable(cannot_connect(dsn, error)) from error
