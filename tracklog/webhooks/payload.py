"""The body of a delivery, byte for byte as MLflow writes it: a receiver's signature is over these bytes."""

import json
from datetime import UTC, datetime

from schemas.webhook_events import ANNOUNCEMENTS


def payload(event: str, time_us: int, data: str) -> bytes:
    """The body for a row of the outbox: the name of an announcement, its time since the Unix epoch, its JSON object.

    Source: MLflow 3.17 writes Python's default separators, escapes all but ASCII, and orders keys so.
    """
    announcement = ANNOUNCEMENTS[event]
    body = {
        "entity": announcement.entity,
        "action": announcement.action,
        "timestamp": timestamp(time_us),
        "data": json.loads(data),
    }
    return json.dumps(body).encode()


def timestamp(time_us: int) -> str:
    """ISO 8601 with microseconds, always six digits of them."""
    seconds, microseconds = divmod(time_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds).isoformat(timespec="microseconds")
