"""What the routes of webhooks use of the files beside an embedded server's log. Nothing is opened before it is used."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tracklog.embedded.files import deliveries_file_of, secrets_file_of, webhook_key_file_of
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.secrets import Keys, SealedSecrets, keys_of
from tracklog.webhooks.stores import OpenedWhenNeeded, WebhookStores
from tracklog.webhooks.targets import CheckedTargets

if TYPE_CHECKING:
    from tracklog.secret_store.store import SecretStore
    from tracklog.webhooks.delivery_store import DeliveryStore


def keys_beside(log: Path, webhooks: WebhookSettings) -> Keys:
    """What seals the secrets of webhooks: what the operator named, else a key of its own beside the log.

    Raises SettingRefused.
    """
    return keys_of(webhooks, webhook_key_file_of(log))


def webhook_stores_beside(log: Path, webhooks: WebhookSettings, stack: AsyncExitStack) -> WebhookStores:
    """The stores of the webhooks of `log`; they are closed when `stack` is left. Raises SettingRefused."""

    # In a thread: the library of both takes a while to be imported.
    def open_secrets() -> "SecretStore":
        from tracklog.secret_store.store import SqliteSecretStore

        return SqliteSecretStore(secrets_file_of(log))

    def open_deliveries() -> "DeliveryStore":
        from tracklog.webhooks.delivery_store import SqliteDeliveryStore

        return SqliteDeliveryStore(deliveries_file_of(log))

    secrets = OpenedWhenNeeded(lambda: asyncio.to_thread(open_secrets))
    deliveries = OpenedWhenNeeded(lambda: asyncio.to_thread(open_deliveries))
    stack.push_async_callback(secrets.close)
    stack.push_async_callback(deliveries.close)
    return WebhookStores(SealedSecrets(secrets.get, keys_beside(log, webhooks)), CheckedTargets(webhooks), deliveries)
