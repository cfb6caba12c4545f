"""What commands ask the read model about webhooks."""

from typing import Final

from ingest.admission.lookups import Lookup, Row
from ingest.webhooks.state import KnownWebhook
from schemas.documents.webhooks import WEBHOOK_COLUMNS, webhook_of


def _webhook(row: Row) -> KnownWebhook:
    *columns, secret_id = row
    return KnownWebhook(webhook_of(columns), secret_id)


WEBHOOK: Final = Lookup(f"SELECT {WEBHOOK_COLUMNS}, secret_id FROM webhooks WHERE webhook_id = $1", _webhook)


def _secret_id(row: Row) -> str:
    return str(row[0])


SECRETS: Final = Lookup("SELECT secret_id FROM webhooks", _secret_id)


def _position(row: Row) -> tuple[int, int]:
    return row[0], row[1]


SINCE: Final = Lookup(
    'SELECT "partition", min("offset") FROM outbox WHERE time_us >= $1 GROUP BY "partition"', _position
)
"""The first row of the outbox since a time, in each partition."""
