"""A webhook as MLflow answers it, and as we do. Its secret is in neither, nor whether there is one.

Made of values, and not by the databases: the names of events are kept as ours, and MLflow has others for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from schemas.messages.webhooks import webhook_not_mlflows
from schemas.webhook_events import ANNOUNCEMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFields:
    """What of a webhook clients see. `events` are dotted names."""

    webhook_id: str
    name: str
    description: str
    url: str
    events: Sequence[str]
    status: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int


WEBHOOK_COLUMNS: Final = (
    "webhook_id, name, description, url, events, status, creation_timestamp_ms, last_updated_timestamp_ms"
)
"""Of the table, for `webhook_of`."""


def webhook_of(columns: Sequence[Any]) -> WebhookFields:
    """A webhook, of the values of WEBHOOK_COLUMNS."""
    webhook_id, name, description, url, events, status, created_ms, updated_ms = columns
    return WebhookFields(
        webhook_id=webhook_id,
        name=name,
        description=description,
        url=url,
        events=orjson.loads(events),
        status=status,
        creation_timestamp_ms=created_ms,
        last_updated_timestamp_ms=updated_ms,
    )


def mlflow_pairs(webhook: WebhookFields) -> list[tuple[str, str]]:
    """The events of it that MLflow has, by its pairs in their order."""
    return sorted(pair for name in webhook.events if (pair := ANNOUNCEMENTS[name].mlflow_pair) is not None)


def mlflow_webhook(webhook: WebhookFields) -> dict[str, Any]:
    """With the events that MLflow has. Raises ResourceDoesNotExist without any: its client reads no such webhook."""
    pairs = mlflow_pairs(webhook)
    if not pairs:
        raise webhook_not_mlflows(webhook.webhook_id)
    return _shown(webhook, [{"entity": entity, "action": action} for entity, action in pairs])


def tracklog_webhook(webhook: WebhookFields) -> dict[str, Any]:
    """With every event, by its dotted name, in their order."""
    return _shown(webhook, sorted(webhook.events))


def _shown(webhook: WebhookFields, events: list[Any]) -> dict[str, Any]:
    """Source: MLflow 3.17, which leaves an empty description out."""
    return {
        "webhook_id": webhook.webhook_id,
        "name": webhook.name,
        **({"description": webhook.description} if webhook.description else {}),
        "url": webhook.url,
        "events": events,
        "status": webhook.status,
        "creation_timestamp": webhook.creation_timestamp_ms,
        "last_updated_timestamp": webhook.last_updated_timestamp_ms,
    }
