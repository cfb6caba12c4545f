"""The events of a review queue, in the stream review-queue/<id>: traces that people are asked to look at.

Users are named as clients name them, in small letters: a queue's reviewers need no account.
"""

from typing import Final

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind

REVIEW_QUEUES_ORDERING_UNIT: Final = "review-queues"
"""All review queues share it: their names are unique in an experiment, and the log's order decides who has one."""

REVIEW_QUEUES: Final = StreamKind("review-queue", shared_unit=REVIEW_QUEUES_ORDERING_UNIT)


class ReviewQueueEvent(Event, frozen=True):
    kind = REVIEW_QUEUES

    queue_id: str

    @property
    def stream_key(self) -> str:
        return self.queue_id


class ReviewQueueCreated(ReviewQueueEvent, frozen=True):
    """`queue_type` is USER, of the one user that it is named after, or CUSTOM. `created_by` is who has it."""

    event_type = "review-queue.created"

    experiment_id: int
    name: str
    queue_type: str
    users: list[str] = []
    schema_ids: list[str] = []
    created_by: str | None = None


class ReviewQueueUpdated(ReviewQueueEvent, frozen=True):
    """What is None stays as it was."""

    event_type = "review-queue.updated"

    name: str | None = None
    users: list[str] | None = None
    schema_ids: list[str] | None = None
    created_by: str | None = None


class ReviewQueueDeleted(ReviewQueueEvent, frozen=True):
    event_type = "review-queue.deleted"


class ReviewQueueItemsAdded(ReviewQueueEvent, frozen=True):
    """Traces by their ids. Those that are in the queue already stay as they are."""

    event_type = "review-queue.items-added"

    item_ids: list[str]


class ReviewQueueItemsRemoved(ReviewQueueEvent, frozen=True):
    event_type = "review-queue.items-removed"

    item_ids: list[str]


class ReviewQueueItemStatusSet(ReviewQueueEvent, frozen=True):
    """`status` is PENDING, COMPLETE or DECLINED; the latter two are by somebody."""

    event_type = "review-queue.item-status-set"

    item_id: str
    status: str
    completed_by: str | None = None


class ReviewQueueErased(ReviewQueueEvent, frozen=True):
    """Nothing of the review queue is there any more, for good: it goes with its experiment."""

    event_type = "review-queue.erased"

    erasure: Erasure


AnyReviewQueueEvent = (
    ReviewQueueCreated
    | ReviewQueueUpdated
    | ReviewQueueDeleted
    | ReviewQueueItemsAdded
    | ReviewQueueItemsRemoved
    | ReviewQueueItemStatusSet
    | ReviewQueueErased
)
