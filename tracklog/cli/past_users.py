"""The users of today, for a server of the past: opened beside the live server that has them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from event_log.port import EventLogReader
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import EmbeddedStores

if TYPE_CHECKING:
    from tracklog.serving.authentication import Authentication


@asynccontextmanager
async def todays_users(
    settings: Settings, log: EventLogReader, stopping: asyncio.Event
) -> "AsyncIterator[Authentication | None]":
    """What users are known by today, None where they are not to be known.

    The live server has their accounts in its read model, and their passwords and tokens in its store of secrets: both
    are read, and have to be there. Raises as opening them does.
    """
    if settings.web.authentication is None:
        yield None
    elif isinstance(settings.stores, EmbeddedStores):
        from query_api.sqlite.read_model import SqliteReadModel
        from read_model.sqlite_link import link_of
        from tracklog.embedded.files import secrets_file_of
        from tracklog.past.users import StoredProgress
        from tracklog.secret_store.store import SqliteSecretStore
        from tracklog.serving.authentication import open_authentication

        path = settings.stores.event_log.path
        read_model, secrets = SqliteReadModel(link_of(path)), SqliteSecretStore(secrets_file_of(path))
        try:
            async with open_authentication(
                settings.web,
                settings.web.authentication,
                log,
                StoredProgress(read_model),
                read_model,
                secrets,
                settings.artifacts,
            ) as authentication:
                yield authentication
        finally:
            await secrets.close()
            await read_model.close()
    else:
        from tracklog.distributed.shared_authentication import shared_authentication
        from tracklog.distributed.shared_system import reading_system

        async with (
            reading_system(settings.stores, stopping) as system,
            shared_authentication(settings, system, stopping) as authentication,
        ):
            yield authentication
