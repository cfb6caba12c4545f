"""Webhooks as the read model has them."""

from typing import Final

import orjson

from query_api.port import ReadModel, Row
from schemas.documents.webhooks import WebhookFields
from schemas.messages.webhooks import webhook_not_found

_COLUMNS: Final = "webhook_id, name, description, url, events, status, creation_timestamp_ms, last_updated_timestamp_ms"
_ONE: Final = f"SELECT {_COLUMNS} FROM webhooks WHERE webhook_id = $1"
_NEWEST: Final = f"SELECT {_COLUMNS} FROM webhooks ORDER BY creation_timestamp_ms DESC, webhook_id LIMIT $1"
_NEXT: Final = f"""
SELECT {_COLUMNS} FROM webhooks
WHERE creation_timestamp_ms < $1 OR (creation_timestamp_ms = $1 AND webhook_id > $2)
ORDER BY creation_timestamp_ms DESC, webhook_id LIMIT $3
"""


async def one_webhook(read_model: ReadModel, webhook_id: str) -> WebhookFields:
    """Raises ResourceDoesNotExist."""
    rows = await read_model.lookup(read_model.dialect.statement(_ONE), (webhook_id,))
    if not rows:
        raise webhook_not_found(webhook_id)
    return _webhook(rows[0])


async def newest_webhooks(read_model: ReadModel, behind: tuple[int, str] | None, limit: int) -> list[WebhookFields]:
    """The newest first, those of one moment by their ids; behind the one of a time of creation and id."""
    statement, parameters = (_NEWEST, (limit,)) if behind is None else (_NEXT, (*behind, limit))
    return [_webhook(row) for row in await read_model.fetch(read_model.dialect.statement(statement), parameters)]


def _webhook(row: Row) -> WebhookFields:
    webhook_id, name, description, url, events, status, created_ms, updated_ms = row
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
