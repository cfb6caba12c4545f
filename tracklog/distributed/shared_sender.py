"""A sender on stores that several processes share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from event_log.port import ForeignLog
from schemas.errors import TemporarilyUnavailable
from schemas.migrations import ForeignDatabase
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS, cannot_connect
from tracklog.distributed.shared_system import SharedSystem
from tracklog.secret_store.store import PostgresqlSecretStore
from tracklog.sending.senders import sender_on
from tracklog.sending.sending import MakeCall, OpenSender, Sender
from tracklog.serving.services import CannotStart
from tracklog.settings.store_uris import SharedStores
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.delivery_store import PostgresqlDeliveryStore
from tracklog.webhooks.outbox_reader import PostgresqlOutboxReader
from tracklog.webhooks.secrets import SealedSecrets, keys_of
from tracklog.webhooks.stores import given

T = TypeVar("T")


def opener_on(stores: SharedStores, system: SharedSystem[Any], webhooks: WebhookSettings) -> OpenSender:
    """Opens senders for the webhooks of an open system. Raises SettingRefused."""
    dsn, keys = stores.read_model.dsn, keys_of(webhooks)

    @asynccontextmanager
    async def opened(make_call: MakeCall) -> AsyncIterator[Sender]:
        async with AsyncExitStack() as stack:
            store = await opened_store(PostgresqlDeliveryStore.open, dsn)
            stack.push_async_callback(store.close)
            secrets = await opened_store(PostgresqlSecretStore.open, dsn)
            stack.push_async_callback(secrets.close)
            outbox = PostgresqlOutboxReader(system.connections)
            yield await stack.enter_async_context(
                sender_on(store, outbox, SealedSecrets(given(secrets), keys), make_call)
            )

    return opened


async def opened_store(open_store: Callable[[str], Awaitable[T]], dsn: str) -> T:
    """A store of ours in a database, made where there is none.

    Raises TemporarilyUnavailable while the database is away, CannotStart for want of a right, and ForeignLog.
    """
    try:
        return await open_store(dsn)
    except ForeignDatabase as error:
        raise ForeignLog(str(error)) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CannotStart(f"This user may not make or read a schema of webhooks: {error}") from error
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise TemporarilyUnavailable(cannot_connect(dsn, error)) from error
