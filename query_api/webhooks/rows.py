"""Webhooks as the read model has them."""

from typing import Final

from query_api.port import ReadModel
from schemas.documents.webhooks import WEBHOOK_COLUMNS, WebhookFields, webhook_of
from schemas.messages.webhooks import webhook_not_found
from schemas.webhook_events import MLFLOW_PAIRS

_ONE: Final = f"SELECT {WEBHOOK_COLUMNS} FROM webhooks WHERE webhook_id = $1"

ALL: Final = "TRUE"
MLFLOWS: Final = " OR ".join(f"""events LIKE '%"{one.name}"%'""" for one in MLFLOW_PAIRS.values())
"""Which webhooks are listed; the second: those that are told of anything that MLflow tells, however LIKE reads `_`."""

_NEWEST: Final = """
SELECT {columns} FROM webhooks WHERE {which}
ORDER BY creation_timestamp_ms DESC, webhook_id LIMIT $1
"""
_NEXT: Final = """
SELECT {columns} FROM webhooks
WHERE (creation_timestamp_ms < $1 OR (creation_timestamp_ms = $1 AND webhook_id > $2)) AND ({which})
ORDER BY creation_timestamp_ms DESC, webhook_id LIMIT $3
"""


async def one_webhook(read_model: ReadModel, webhook_id: str) -> WebhookFields:
    """Raises ResourceDoesNotExist."""
    rows = await read_model.lookup(read_model.dialect.statement(_ONE), (webhook_id,))
    if not rows:
        raise webhook_not_found(webhook_id)
    return webhook_of(rows[0])


async def newest_webhooks(
    read_model: ReadModel, behind: tuple[int, str] | None, limit: int, which: str = ALL
) -> list[WebhookFields]:
    """The newest first, those of one moment by their ids; behind the one of a time of creation and id."""
    statement, parameters = (_NEWEST, (limit,)) if behind is None else (_NEXT, (*behind, limit))
    asked = read_model.dialect.statement(statement.format(columns=WEBHOOK_COLUMNS, which=which))
    return [webhook_of(row) for row in await read_model.fetch(asked, parameters)]
