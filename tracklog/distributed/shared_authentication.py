"""What a process on shared stores knows users by: the secrets in the database of its read model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from tracklog.distributed.availability import once_available
from tracklog.distributed.own_stores import opened_store
from tracklog.distributed.shared_system import SharedSystem
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import SharedStores

if TYPE_CHECKING:
    from tracklog.serving.authentication import Authentication


@asynccontextmanager
async def shared_authentication(
    settings: Settings, system: SharedSystem[Any], stopping: asyncio.Event
) -> "AsyncIterator[Authentication | None]":
    """None where users are not to be known. Waits for a database that is away. Raises ForeignLog, ToldToStop."""
    if settings.web.authentication is None:
        yield None
        return
    from query_api.postgresql.read_model import PostgresqlReadModel
    from tracklog.secret_store.store import PostgresqlSecretStore
    from tracklog.serving.authentication import open_authentication

    assert isinstance(settings.stores, SharedStores)
    dsn = settings.stores.read_model.dsn
    secrets = await once_available(partial(opened_store, PostgresqlSecretStore, dsn), stopping)
    try:
        read_model = PostgresqlReadModel(system.connections)
        async with open_authentication(
            settings.web,
            settings.web.authentication,
            system.log,
            system.progress,
            read_model,
            secrets,
            settings.artifacts,
        ) as authentication:
            yield authentication
    finally:
        await secrets.close()
