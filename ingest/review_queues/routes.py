"""The routes of the commands about review queues."""

from typing import Final

from ingest.review_queues.commands import ReviewQueueCommands
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.review_queues import (
    AddItemsToReviewQueue,
    CreateReviewQueue,
    DeleteReviewQueue,
    GetOrCreateUserQueue,
    RemoveItemsFromReviewQueue,
    SetReviewQueueItemStatus,
    UpdateReviewQueue,
)
from schemas.rest.access import REVIEW_QUEUE, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import V3, Handler, Route

_CREATE: Final[Rule] = (On(Level.EDIT, EXPERIMENT, "experiment_id", unless_denied=REVIEW_QUEUE),)
_EDIT: Final[Rule] = (On(Level.EDIT, REVIEW_QUEUE, "queue_id"),)


def review_queue_routes(commands: ReviewQueueCommands) -> tuple[Route, ...]:
    """Every route of these commands."""

    def route(path: str, handler: Handler, rule: Rule = _EDIT) -> Route:
        return write_route("POST", f"review-queues/{path}", handler, rule, prefixes=V3)

    return (
        route("create", command_handler(CreateReviewQueue, commands.create), _CREATE),
        route("get-or-create-user", command_handler(GetOrCreateUserQueue, commands.get_or_create), _CREATE),
        route("update", command_handler(UpdateReviewQueue, commands.update)),
        route("delete", command_handler(DeleteReviewQueue, commands.delete)),
        route("items/add", command_handler(AddItemsToReviewQueue, commands.add_items)),
        route("items/remove", command_handler(RemoveItemsFromReviewQueue, commands.remove_items)),
        route("items/set-status", command_handler(SetReviewQueueItemStatus, commands.set_status)),
    )
