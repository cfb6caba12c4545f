"""What is answered of review queues."""

from collections.abc import Sequence
from typing import Final

from query_api.documents import KeyedDocument
from query_api.experiments.active import active_experiment
from query_api.filter.pages import always_token_body, checked_max_results, fingerprint, page_of, sort_values
from query_api.filter.sql import Sql
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.port import ReadModel
from schemas.documents.review_queues import REVIEW_QUEUE, REVIEW_QUEUE_ITEM
from schemas.documents.shape import Document
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.review_queues import (
    GetReviewQueue,
    GetReviewQueueByName,
    ListReviewQueueItems,
    ListReviewQueues,
    review_queue_not_found,
)
from schemas.mlflow import REVIEW_STATUSES

REVIEW_QUEUE_BY_ID: Final = KeyedDocument("review_queue", REVIEW_QUEUE, key="queue_id")
REVIEW_QUEUE_BY_REFERENCE: Final = KeyedDocument("review_queue", REVIEW_QUEUE, key="reference")

DEFAULT_RESULTS: Final = 1000
MAX_ON_A_PAGE: Final = 1000
"""Of a kilobyte or so each. A page that is asked for more has these, and a token."""


async def get_review_queue(read_model: ReadModel, wanted: GetReviewQueue) -> bytes:
    """`{"review_queue": …}`. Raises ResourceDoesNotExist."""
    found = await read_model.document(REVIEW_QUEUE_BY_ID, wanted.queue_id)
    if found is None:
        raise review_queue_not_found(wanted.queue_id)
    return found


async def get_review_queue_by_name(read_model: ReadModel, wanted: GetReviewQueueByName) -> bytes:
    """The same, whatever the letter case. Raises InvalidParameterValue for a deleted experiment too."""
    experiment_id, _ = await active_experiment(read_model, wanted.experiment_id)
    found = await read_model.document(REVIEW_QUEUE_BY_REFERENCE, f"{experiment_id}/{wanted.name.lower()}")
    if found is None:
        raise ResourceDoesNotExist(
            f"Review queue with name '{wanted.name}' not found for experiment '{wanted.experiment_id}'."
        )
    return found


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
    identity = fingerprint("review-queues", experiment_id, wanted.user, wanted.item_id)
    return await _newest(read_model, "review_queues", REVIEW_QUEUE, ("queue_id",), where, identity, wanted)


async def list_items(read_model: ReadModel, wanted: ListReviewQueueItems) -> bytes:
    """`{"items": […], "next_page_token"}`, newest first; the token is empty on the last page.

    Raises InvalidParameterValue, ResourceDoesNotExist.
    """
    where = [Sql("queue_id = ?", (wanted.queue_id,))]
    if wanted.status is not None:
        where.append(Sql("status = ?", (_status(wanted.status),)))
    if await read_model.document(REVIEW_QUEUE_BY_ID, wanted.queue_id) is None:
        raise review_queue_not_found(wanted.queue_id)
    identity = fingerprint("items", wanted.queue_id, wanted.status)
    return await _newest(read_model, "items", REVIEW_QUEUE_ITEM, ("queue_id", "item_id"), where, identity, wanted)


def _status(given: str | int) -> str:
    known = dict(enumerate(REVIEW_STATUSES, 1)).get(given) if isinstance(given, int) else given
    if known not in REVIEW_STATUSES:
        raise InvalidParameterValue(f"The status of an item is one of {', '.join(REVIEW_STATUSES)}.")
    return known


async def _newest(
    read_model: ReadModel,
    field: str,
    document: Document,
    key: tuple[str, ...],
    where: Sequence[Sql],
    identity: str,
    wanted: ListReviewQueues | ListReviewQueueItems,
) -> bytes:
    """A page of what passes `where`, newest first; the last of `key` tells apart what is of one time."""
    limit = min(checked_max_results(wanted.max_results or DEFAULT_RESULTS), MAX_ON_A_PAGE)
    alias = document.source.alias
    table = SearchedTable(f"{document.source.table} {alias}", key=tuple(f"{alias}.{column}" for column in key))
    order = (
        SortKey(Sql(f"{alias}.creation_time_ms"), int, descending=True),
        SortKey(Sql(f"{alias}.{key[-1]}"), str),
    )
    place = sort_values(wanted.page_token, identity, [one.kind for one in order])
    shown = read_model.dialect.documents.as_bytes(document)
    rows = await find_page(read_model, table, shown, where, order, place, limit + 1)
    return always_token_body(field, page_of(rows, limit), identity)
