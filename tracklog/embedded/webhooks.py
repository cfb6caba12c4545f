"""A sender on the files of an embedded server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from event_log.sqlite.event_log import SqliteEventLogReader
from schemas.envelope import Positions
from tracklog.embedded.files import deliveries_file_of, secrets_file_of
from tracklog.embedded.webhook_stores import keys_beside
from tracklog.secret_store.store import SqliteSecretStore
from tracklog.sending.senders import sender_on
from tracklog.sending.sending import MakeCall, OpenSender, Sender
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.delivery_store import SqliteDeliveryStore
from tracklog.webhooks.outbox_reader import SqliteOutboxReader
from tracklog.webhooks.secrets import SealedSecrets
from tracklog.webhooks.stores import given


def opener_beside(log: Path, webhooks: WebhookSettings) -> OpenSender:
    """Opens senders for the webhooks of the embedded log `log`. Raises SettingRefused."""
    keys = keys_beside(log, webhooks)

    async def log_end() -> Positions:
        reader = SqliteEventLogReader(log)
        try:
            return await reader.end()
        finally:
            await reader.close()

    @asynccontextmanager
    async def opened(make_call: MakeCall) -> AsyncIterator[Sender]:
        async with AsyncExitStack() as stack:
            store = SqliteDeliveryStore(deliveries_file_of(log))
            stack.push_async_callback(store.close)
            secrets = SqliteSecretStore(secrets_file_of(log))
            stack.push_async_callback(secrets.close)
            outbox = SqliteOutboxReader(log)
            yield await stack.enter_async_context(
                sender_on(store, outbox, log_end, SealedSecrets(given(secrets), keys), make_call)
            )

    return opened
