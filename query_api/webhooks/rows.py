"""Webhooks as the read model has them."""

from typing import Final

from query_api.port import ReadModel
from schemas.documents.webhooks import WEBHOOK_COLUMNS, WebhookFields, webhook_of
from schemas.messages.webhooks import webhook_not_found

_ONE: Final = f"SELECT {WEBHOOK_COLUMNS} FROM webhooks WHERE webhook_id = $1"
_NEWEST: Final = f"SELECT {WEBHOOK_COLUMNS} FROM webhooks ORDER BY creation_timestamp_ms DESC, webhook_id LIMIT $1"
_NEXT: Final = f"""
SELECT {WEBHOOK_COLUMNS} FROM webhooks
WHERE creation_timestamp_ms < $1 OR (creation_timestamp_ms = $1 AND webhook_id > $2)
ORDER BY creation_timestamp_ms DESC, webhook_id LIMIT $3
"""


async def one_webhook(read_model: ReadModel, webhook_id: str) -> WebhookFields:
    """Raises ResourceDoesNotExist."""
    rows = await read_model.lookup(read_model.dialect.statement(_ONE), (webhook_id,))
    if not rows:
        raise webhook_not_found(webhook_id)
    return webhook_of(rows[0])


async def newest_webhooks(read_model: ReadModel, behind: tuple[int, str] | None, limit: int) -> list[WebhookFields]:
    """The newest first, those of one moment by their ids; behind the one of a time of creation and id."""
    statement, parameters = (_NEWEST, (limit,)) if behind is None else (_NEXT, (*behind, limit))
    return [webhook_of(row) for row in await read_model.fetch(read_model.dialect.statement(statement), parameters)]
