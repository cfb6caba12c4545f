"""What commands ask the read model about webhooks."""

from typing import Final

import orjson

from ingest.admission.lookups import Lookup, Row
from ingest.webhooks.state import KnownWebhook
from schemas.documents.webhooks import WebhookFields


def _webhook(row: Row) -> KnownWebhook:
    webhook_id, name, description, url, events, status, created_ms, updated_ms, secret_id = row
    fields = WebhookFields(
        webhook_id=webhook_id,
        name=name,
        description=description,
        url=url,
        events=orjson.loads(events),
        status=status,
        creation_timestamp_ms=created_ms,
        last_updated_timestamp_ms=updated_ms,
    )
    return KnownWebhook(fields, secret_id)


WEBHOOK: Final = Lookup(
    """
SELECT webhook_id, name, description, url, events, status, creation_timestamp_ms, last_updated_timestamp_ms, secret_id
FROM webhooks WHERE webhook_id = $1
""",
    _webhook,
)


def _position(row: Row) -> tuple[int, int]:
    return row[0], row[1]


SINCE: Final = Lookup(
    'SELECT "partition", min("offset") FROM outbox WHERE time_us >= $1 GROUP BY "partition"', _position
)
"""The first row of the outbox since a time, in each partition."""
