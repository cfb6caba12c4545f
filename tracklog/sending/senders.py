"""Opening a sender on the stores that a deployment has."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tracklog.sending.sending import STOP_S, MakeCall
from tracklog.webhooks.delivery_store import DeliveryStore
from tracklog.webhooks.outbox_reader import OutboxReader
from tracklog.webhooks.secrets import SealedSecrets
from tracklog.webhooks.sender import LogEnd, Sender
from tracklog.webhooks.sender_rules import SenderRules

logger = logging.getLogger(__name__)


@asynccontextmanager
async def sender_on(
    store: DeliveryStore, outbox: OutboxReader, log_end: LogEnd, secrets: SealedSecrets, make_call: MakeCall
) -> AsyncIterator[Sender]:
    """A sender on open stores; says first which secrets nothing opens. Raises TemporarilyUnavailable."""
    if unreadable := await secrets.unreadable():
        logger.error(
            "no key opens %d of the secrets of webhooks: those webhooks are set aside until the key is back "
            "(MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY, --webhook-key-file), or their secret is set anew",
            unreadable,
        )
    yield Sender(store, outbox, log_end, make_call, secrets.open, SenderRules(drain_s=STOP_S))
