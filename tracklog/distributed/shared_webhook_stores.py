"""What the routes of webhooks use of a shared database beside the read model. Nothing is opened before it is used."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tracklog.settings.store_uris import SharedStores
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.secrets import SealedSecrets, keys_of
from tracklog.webhooks.stores import OpenedWhenNeeded, WebhookStores
from tracklog.webhooks.targets import CheckedTargets

if TYPE_CHECKING:
    from tracklog.secret_store.store import SecretStore
    from tracklog.webhooks.delivery_store import DeliveryStore


def webhook_stores_on(stores: SharedStores, webhooks: WebhookSettings, stack: AsyncExitStack) -> WebhookStores:
    """The stores of webhooks; they are closed when `stack` is left. Raises SettingRefused."""
    dsn = stores.read_model.dsn

    async def open_secrets() -> "SecretStore":
        from tracklog.distributed.own_stores import opened_store
        from tracklog.secret_store.store import PostgresqlSecretStore

        return await opened_store(PostgresqlSecretStore, dsn)

    async def open_deliveries() -> "DeliveryStore":
        from tracklog.distributed.own_stores import opened_store
        from tracklog.webhooks.delivery_store import PostgresqlDeliveryStore

        return await opened_store(PostgresqlDeliveryStore, dsn)

    secrets, deliveries = OpenedWhenNeeded(open_secrets), OpenedWhenNeeded(open_deliveries)
    stack.push_async_callback(secrets.close)
    stack.push_async_callback(deliveries.close)
    return WebhookStores(SealedSecrets(secrets.get, keys_of(webhooks)), CheckedTargets(webhooks), deliveries)
