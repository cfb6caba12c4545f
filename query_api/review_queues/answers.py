"""What is answered of review queues."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from query_api.experiments.active import active_experiment
from query_api.filter.pages import checked_max_results, fingerprint, page_token, sort_values
from query_api.filter.sql import Sql, joined
from query_api.port import ReadModel, Row
from schemas.documents.review_queues import ITEM_COLUMNS, REVIEW_QUEUE_COLUMNS, mlflow_item, mlflow_review_queue
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.review_queues import (
    GetReviewQueue,
    GetReviewQueueByName,
    ListReviewQueueItems,
    ListReviewQueues,
    review_queue_not_found,
)
from schemas.mlflow import REVIEW_STATUSES

DEFAULT_RESULTS: Final = 1000
MAX_ON_A_PAGE: Final = 1000
"""Of a kilobyte or so each. A page that is asked for more has these, and a token."""

_ONE: Final = f"SELECT {REVIEW_QUEUE_COLUMNS} FROM review_queues WHERE queue_id = $1"
_NAMED: Final = f"SELECT {REVIEW_QUEUE_COLUMNS} FROM review_queues WHERE reference = $1"


async def get_review_queue(read_model: ReadModel, wanted: GetReviewQueue) -> bytes:
    """`{"review_queue": …}`. Raises ResourceDoesNotExist."""
    rows = await read_model.lookup(read_model.dialect.statement(_ONE), (wanted.queue_id,))
    if not rows:
        raise review_queue_not_found(wanted.queue_id)
    return orjson.dumps({"review_queue": mlflow_review_queue(rows[0])})


async def get_review_queue_by_name(read_model: ReadModel, wanted: GetReviewQueueByName) -> bytes:
    """The same, whatever the letter case. Raises InvalidParameterValue for a deleted experiment too."""
    experiment_id, _ = await active_experiment(read_model, wanted.experiment_id)
    reference = f"{experiment_id}/{wanted.name.lower()}"
    rows = await read_model.lookup(read_model.dialect.statement(_NAMED), (reference,))
    if not rows:
        raise ResourceDoesNotExist(
            f"Review queue with name '{wanted.name}' not found for experiment '{wanted.experiment_id}'."
        )
    return orjson.dumps({"review_queue": mlflow_review_queue(rows[0])})


async def list_review_queues(read_model: ReadModel, wanted: ListReviewQueues) -> bytes:
    """`{"review_queues": […], "next_page_token"}`, newest first; the token is empty on the last page.

    Raises InvalidParameterValue, ResourceDoesNotExist.
    """
    experiment_id, _ = await active_experiment(read_model, wanted.experiment_id)
    where = [Sql("experiment_id = ?", (experiment_id,))]
    if wanted.user:
        of_user = "SELECT u.queue_id FROM review_queue_users u WHERE u.user_id = ?"
        where.append(Sql(f"queue_id IN ({of_user})", (wanted.user.strip().lower(),)))
    if wanted.item_id:
        with_item = "SELECT i.queue_id FROM review_queue_items i WHERE i.item_id = ?"
        where.append(Sql(f"queue_id IN ({with_item})", (wanted.item_id,)))
    limit = _limit(wanted.max_results)
    identity = fingerprint("review-queues", experiment_id, wanted.user, wanted.item_id)
    columns = f"{REVIEW_QUEUE_COLUMNS}, creation_time_ms, queue_id"
    rows = await _newest(read_model, "review_queues", columns, "queue_id", where, wanted.page_token, identity, limit)
    return _page("review_queues", [mlflow_review_queue(row[:-2]) for row in rows[:limit]], rows, limit, identity)


async def list_items(read_model: ReadModel, wanted: ListReviewQueueItems) -> bytes:
    """`{"items": […], "next_page_token"}`, newest first; the token is empty on the last page.

    Raises InvalidParameterValue, ResourceDoesNotExist.
    """
    where = [Sql("queue_id = ?", (wanted.queue_id,))]
    if wanted.status is not None:
        where.append(Sql("status = ?", (_status(wanted.status),)))
    if not await read_model.lookup(read_model.dialect.statement(_ONE), (wanted.queue_id,)):
        raise review_queue_not_found(wanted.queue_id)
    limit = _limit(wanted.max_results)
    identity = fingerprint("items", wanted.queue_id, wanted.status)
    columns = f"{ITEM_COLUMNS}, creation_time_ms, item_id"
    rows = await _newest(
        read_model, "review_queue_items", columns, "item_id", where, wanted.page_token, identity, limit
    )
    return _page("items", [mlflow_item(row[:-2]) for row in rows[:limit]], rows, limit, identity)


def _status(given: str | int) -> str:
    known = dict(enumerate(REVIEW_STATUSES, 1)).get(given) if isinstance(given, int) else given
    if known not in REVIEW_STATUSES:
        raise InvalidParameterValue(f"The status of an item is one of {', '.join(REVIEW_STATUSES)}.")
    return known


def _limit(max_results: int) -> int:
    return min(checked_max_results(max_results or DEFAULT_RESULTS), MAX_ON_A_PAGE)


async def _newest(
    read_model: ReadModel,
    table: str,
    columns: str,
    key: str,
    where: Sequence[Sql],
    token: str,
    identity: str,
    limit: int,
) -> list[Row]:
    """One row more than a page has, from after the place in its token."""
    place = sort_values(token, identity, (int, str))
    after = (
        Sql(f"(creation_time_ms < ? OR (creation_time_ms = ? AND {key} > ?))", (place[0], *place)) if place else None
    )
    met = joined(" AND ", [*where, *([] if after is None else [after])])
    statement = Sql(
        f"SELECT {columns} FROM {table} WHERE {met.text} ORDER BY creation_time_ms DESC, {key} LIMIT ?",
        (*met.parameters, limit + 1),
    )
    return await read_model.fetch(*read_model.dialect.assembled(statement))


def _page(field: str, shown: list[dict[str, Any]], rows: Sequence[Row], limit: int, identity: str) -> bytes:
    token = page_token(identity, rows[limit - 1][-2:]) if len(rows) > limit else ""
    return orjson.dumps({**({field: shown} if shown else {}), "next_page_token": token})
