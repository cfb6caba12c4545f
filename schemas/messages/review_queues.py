"""The requests about review queues."""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import ResourceAlreadyExists, ResourceDoesNotExist
from schemas.messages.bounds import MAX_QUEUE_LIST, MAX_QUEUED_ITEMS, Id, Key, PageToken, Word
from schemas.messages.message import Int32, Message, Required

_QUEUE: Final[Required] = ("queue_id",)

Users = Annotated[list[Key], msgspec.Meta(max_length=MAX_QUEUE_LIST)]
SchemaIds = Annotated[list[Id], msgspec.Meta(max_length=MAX_QUEUE_LIST)]
ItemIds = Annotated[list[Id], msgspec.Meta(max_length=MAX_QUEUED_ITEMS)]


class CreateReviewQueue(Message):
    required: ClassVar[Required] = ("experiment_id", "name")

    experiment_id: Id = ""
    name: Key = ""
    queue_type: Word | int | None = None
    created_by: Key = ""
    users: Users = []
    schema_ids: SchemaIds = []


class GetOrCreateUserQueue(Message):
    required: ClassVar[Required] = ("experiment_id", "user")

    experiment_id: Id = ""
    user: Key = ""
    created_by: Key = ""


class ReviewQueueMessage(Message):
    """What is about one queue."""

    required: ClassVar[Required] = _QUEUE

    queue_id: Id = ""


class GetReviewQueue(ReviewQueueMessage):
    pass


class DeleteReviewQueue(ReviewQueueMessage):
    pass


class UpdateReviewQueue(ReviewQueueMessage):
    """The lists count only where the field before them says so, as they may be empty."""

    update_users: bool = False
    users: Users = []
    update_schema_ids: bool = False
    schema_ids: SchemaIds = []
    name: Key | None = None
    new_owner: Key | None = None


class AddItemsToReviewQueue(ReviewQueueMessage):
    item_type: Word | int | None = None
    item_ids: ItemIds = []


class RemoveItemsFromReviewQueue(ReviewQueueMessage):
    item_ids: ItemIds = []


class ListReviewQueueItems(ReviewQueueMessage):
    status: Word | int | None = None
    max_results: Int32 = 0
    page_token: PageToken = ""


class SetReviewQueueItemStatus(ReviewQueueMessage):
    required: ClassVar[Required] = (*_QUEUE, "item_id")

    item_id: Id = ""
    status: Word | int | None = None
    completed_by: Key | None = None


class GetReviewQueueByName(Message):
    required: ClassVar[Required] = ("experiment_id", "name")

    experiment_id: Id = ""
    name: Key = ""


class ListReviewQueues(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""
    user: Key = ""
    item_id: Id = ""
    max_results: Int32 = 0
    page_token: PageToken = ""


def review_queue_not_found(queue_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Review queue with id '{queue_id}' not found.")


def item_not_attached(queue_id: str, item_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Item '{item_id}' is not attached to review queue '{queue_id}'.")


def review_queue_exists(name: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(f"Review queue with name '{name}' already exists (names are case-insensitive).")
