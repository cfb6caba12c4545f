"""A sender on stores that several processes share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tracklog.distributed.own_stores import opened_store
from tracklog.distributed.shared_system import SharedSystem
from tracklog.secret_store.store import PostgresqlSecretStore
from tracklog.sending.senders import sender_on
from tracklog.sending.sending import MakeCall, OpenSender, Sender
from tracklog.settings.store_uris import SharedStores
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.delivery_store import PostgresqlDeliveryStore
from tracklog.webhooks.outbox_reader import PostgresqlOutboxReader
from tracklog.webhooks.secrets import SealedSecrets, keys_of
from tracklog.webhooks.stores import given


def opener_on(stores: SharedStores, system: SharedSystem[Any], webhooks: WebhookSettings) -> OpenSender:
    """Opens senders for the webhooks of an open system. Raises SettingRefused."""
    dsn, keys = stores.read_model.dsn, keys_of(webhooks)

    @asynccontextmanager
    async def opened(make_call: MakeCall) -> AsyncIterator[Sender]:
        async with AsyncExitStack() as stack:
            store = await opened_store(PostgresqlDeliveryStore, dsn)
            stack.push_async_callback(store.close)
            secrets = await opened_store(PostgresqlSecretStore, dsn)
            stack.push_async_callback(secrets.close)
            outbox = PostgresqlOutboxReader(system.connections)
            yield await stack.enter_async_context(
                sender_on(store, outbox, system.log.end, SealedSecrets(given(secrets), keys), make_call)
            )

    return opened
