"""The read routes of review queues."""

from typing import Final

from query_api.reads import Reads
from query_api.review_queues.answers import (
    get_review_queue,
    get_review_queue_by_name,
    list_items,
    list_review_queues,
)
from schemas.levels import EXPERIMENT, Level
from schemas.messages.review_queues import GetReviewQueue, GetReviewQueueByName, ListReviewQueueItems, ListReviewQueues
from schemas.rest.access import REVIEW_QUEUE, On, Rule
from schemas.rest.route import V3, Route

_OF_EXPERIMENT: Final[Rule] = (On(Level.READ, EXPERIMENT, "experiment_id", unless_denied=REVIEW_QUEUE),)
_READ: Final[Rule] = (On(Level.READ, REVIEW_QUEUE, "queue_id"),)


def review_queue_routes(reads: Reads) -> tuple[Route, ...]:
    path, named = "review-queues", "review-queues/get-by-name"
    return (
        reads.route("GET", f"{path}/get", GetReviewQueue, get_review_queue, _READ, prefixes=V3),
        reads.route("GET", named, GetReviewQueueByName, get_review_queue_by_name, _OF_EXPERIMENT, prefixes=V3),
        reads.route("GET", f"{path}/list", ListReviewQueues, list_review_queues, _OF_EXPERIMENT, prefixes=V3),
        reads.route("GET", f"{path}/items/list", ListReviewQueueItems, list_items, _READ, prefixes=V3),
    )
