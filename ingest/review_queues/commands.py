"""The commands about review queues.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected.
Raises InvalidParameterValue, ResourceAlreadyExists for a name that is taken, ResourceDoesNotExist, and what
KnownEntities and LogWriter raise.
"""

import uuid
from collections.abc import Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookup
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.log_writer import LogWriter, in_the_log
from ingest.review_queues import decisions
from ingest.review_queues.decisions import CUSTOM, USER
from schemas.documents.label_schemas import experiment_of_default
from schemas.documents.rendering import Renderer
from schemas.documents.review_queues import REVIEW_QUEUE_ANSWER, REVIEW_QUEUE_ITEM, REVIEW_QUEUE_ITEM_ANSWER
from schemas.documents.shape import List, Object, Rows
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.events import (
    AnyEvent,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
)
from schemas.events.review_queues import REVIEW_QUEUES_ORDERING_UNIT
from schemas.messages.experiments import experiment_id_of
from schemas.messages.review_queues import (
    AddItemsToReviewQueue,
    CreateReviewQueue,
    DeleteReviewQueue,
    GetOrCreateUserQueue,
    RemoveItemsFromReviewQueue,
    SetReviewQueueItemStatus,
    UpdateReviewQueue,
    item_not_attached,
    review_queue_exists,
    review_queue_not_found,
)

NOBODY: Final = Actor().user
"""Who asks where users are not known."""


class ReviewQueue(NamedTuple):
    """A review queue as it is answered; `users` and `schema_ids` are JSON."""

    queue_id: str
    experiment_id: int
    name: str
    queue_type: str
    created_by: str | None
    creation_time_ms: int
    last_update_time_ms: int
    users: str
    schema_ids: str


class Item(NamedTuple):
    """An item of a review queue as it is answered."""

    queue_id: str
    item_id: str
    status: str
    completed_by: str | None
    completed_time_ms: int | None
    creation_time_ms: int
    last_update_time_ms: int


class Items(NamedTuple):
    items: Sequence[Item]


_ANSWER: Final = Renderer(REVIEW_QUEUE_ANSWER)
_ITEM_ANSWER: Final = Renderer(REVIEW_QUEUE_ITEM_ANSWER)
_ITEMS_ANSWER: Final = Renderer(
    Object(List("items", Rows("review_queue_items", owner="queue_id"), REVIEW_QUEUE_ITEM.shape))
)

_QUEUES: Final = f"SELECT {', '.join(ReviewQueue._fields)} FROM review_queues"

REVIEW_QUEUE: Final = Lookup(f"{_QUEUES} WHERE queue_id = $1", ReviewQueue._make)

REVIEW_QUEUE_NAMED: Final = Lookup(f"{_QUEUES} WHERE reference = $1", ReviewQueue._make)

ITEMS: Final = Lookup(
    f"SELECT {', '.join(Item._fields)} FROM review_queue_items"
    " WHERE queue_id = $1 AND item_id = ANY($2) ORDER BY item_id",
    Item._make,
)

LABEL_SCHEMA_IDS: Final[Lookup[str]] = Lookup(
    "SELECT schema_id FROM label_schemas WHERE experiment_id = $1 AND schema_id = ANY($2)", itemgetter(0)
)

TRACE_IDS: Final[Lookup[str]] = Lookup(
    "SELECT trace_id FROM traces WHERE experiment_id = $1 AND trace_id = ANY($2)", itemgetter(0)
)


class ReviewQueueCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def create(self, command: CreateReviewQueue, actor: Actor, request_id: str) -> bytes:
        """A queue of an active experiment. Whoever makes it has it, where users are known."""
        queue_type = decisions.word_of("queue_type", command.queue_type, decisions.QUEUE_TYPES)
        users = decisions.users_of(command.users)
        schema_ids = decisions.ids_of("schema_ids", command.schema_ids) if command.schema_ids else []
        name, users = decisions.name_and_users_of(queue_type, command.name, users, schema_ids)
        experiment = await self._active(command.experiment_id)
        await self._require_label_schemas(experiment.experiment_id, schema_ids)
        await self._require_free(experiment.experiment_id, name)
        event = ReviewQueueCreated(
            queue_id=f"rq-{uuid.uuid4().hex}",
            experiment_id=experiment.experiment_id,
            name=name,
            queue_type=queue_type,
            users=users,
            schema_ids=schema_ids,
            created_by=None if actor.user == NOBODY else actor.user,
        )
        return await self._append(event, event.queue_id, actor, request_id)

    async def get_or_create(self, command: GetOrCreateUserQueue, actor: Actor, request_id: str) -> bytes:
        """The queue of one user, whoever of several that race makes it."""
        user = decisions.user_of(command.user)
        experiment = await self._active(command.experiment_id)
        reference = f"{experiment.experiment_id}/{user}"
        queue = await self._known.look_up(REVIEW_QUEUE_NAMED, reference)
        if queue is None:
            event = ReviewQueueCreated(
                queue_id=f"rq-{uuid.uuid4().hex}",
                experiment_id=experiment.experiment_id,
                name=user,
                queue_type=USER,
                users=[user],
                created_by=user,
            )
            try:
                return await self._append(event, event.queue_id, actor, request_id)
            except ResourceAlreadyExists:
                queue = await self._known.look_up(REVIEW_QUEUE_NAMED, reference)
                if queue is None:
                    raise
        if queue.queue_type != USER:
            raise ResourceAlreadyExists(
                f"The name '{user}' is taken by a custom queue: there can be no user queue of it."
            )
        return _ANSWER.render(queue)

    async def update(self, command: UpdateReviewQueue, actor: Actor, request_id: str) -> bytes:
        """Change what is said of a custom queue; its questions only while nothing is in it."""
        queue = await self._existing(command.queue_id)
        if queue.queue_type != CUSTOM:
            raise InvalidParameterValue(
                "A user queue keeps its name, its user, its questions and its owner: only custom queues are updated."
            )
        event = ReviewQueueUpdated(
            queue_id=command.queue_id,
            name=None if command.name is None else decisions.custom_name_of(command.name),
            users=decisions.users_of(command.users) if command.update_users else None,
            schema_ids=self._schema_ids(command),
            created_by=None if command.new_owner is None else decisions.user_of(command.new_owner, "new_owner"),
        )
        if (event.name, event.users, event.schema_ids, event.created_by) == (None, None, None, None):
            return _ANSWER.render(queue)
        await self._require_label_schemas(queue.experiment_id, event.schema_ids or [])
        if event.name is not None:
            await self._require_free(queue.experiment_id, event.name, command.queue_id)
        return await self._append(event, command.queue_id, actor, request_id)

    async def delete(self, command: DeleteReviewQueue, actor: Actor, request_id: str) -> bytes:
        """Delete a queue with its items; it need not be there."""
        if await self._known.look_up(REVIEW_QUEUE, command.queue_id) is not None:
            await self._writer.append_and_wait(ReviewQueueDeleted(queue_id=command.queue_id), actor, request_id)
        return EMPTY

    async def add_items(self, command: AddItemsToReviewQueue, actor: Actor, request_id: str) -> bytes:
        """Traces of the queue's experiment, all of them or none. Answered with their items."""
        decisions.word_of("item_type", command.item_type or 1, decisions.ITEM_TYPES)
        item_ids = decisions.ids_of("item_ids", command.item_ids)
        queue = await self._existing(command.queue_id)
        there = await self._known.look_up_all(TRACE_IDS, item_ids, queue.experiment_id, item_ids)
        for item_id in item_ids:
            if item_id not in there:
                raise ResourceDoesNotExist(f"Trace '{item_id}' not found in experiment '{queue.experiment_id}'.")
        event = ReviewQueueItemsAdded(queue_id=command.queue_id, item_ids=item_ids)
        await self._writer.append_and_wait(event, actor, request_id)
        with in_the_log():
            items = await self._known.lookups.all(ITEMS, command.queue_id, item_ids)
        return _ITEMS_ANSWER.render(Items(items))

    async def remove_items(self, command: RemoveItemsFromReviewQueue, actor: Actor, request_id: str) -> bytes:
        """Take items out of a queue, whether they are in it or not."""
        item_ids = decisions.ids_of("item_ids", command.item_ids)
        await self._existing(command.queue_id)
        event = ReviewQueueItemsRemoved(queue_id=command.queue_id, item_ids=item_ids)
        await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def set_status(self, command: SetReviewQueueItemStatus, actor: Actor, request_id: str) -> bytes:
        """Say that an item is done or will not be, or open it again. Answered with the item."""
        status = decisions.word_of("status", command.status, decisions.STATUSES)
        completed_by = decisions.completed_by_of(status, command.completed_by)
        [item_id] = decisions.ids_of("item_id", [command.item_id])
        await self._existing(command.queue_id)
        item = await self._known.look_up(ITEMS, command.queue_id, [item_id])
        if item is None:
            raise item_not_attached(command.queue_id, item_id)
        event = ReviewQueueItemStatusSet(
            queue_id=command.queue_id, item_id=item_id, status=status, completed_by=completed_by
        )
        await self._writer.append_and_wait(event, actor, request_id)
        with in_the_log():
            item = await self._known.look_up(ITEMS, command.queue_id, [item_id])
        if item is None:  # removed again already
            raise item_not_attached(command.queue_id, item_id)
        return _ITEM_ANSWER.render(item)

    async def _require_free(self, experiment_id: int, name: str, owner: str = "") -> None:
        """Refuse a name that is surely another queue's; else the fold decides. Raises ResourceAlreadyExists."""
        reference = f"{experiment_id}/{name.lower()}"
        for _ in range(2):
            found = await self._known.lookups.one(REVIEW_QUEUE_NAMED, reference)
            if found is None or found.queue_id == owner:
                return
            await self._known.catch_up(REVIEW_QUEUES_ORDERING_UNIT)
        raise review_queue_exists(name)

    async def _active(self, experiment_id: str) -> KnownExperiment:
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(experiment_id))
        require_active_experiment(experiment)
        return experiment

    async def _existing(self, queue_id: str) -> ReviewQueue:
        queue = await self._known.look_up(REVIEW_QUEUE, queue_id)
        if queue is None:
            raise review_queue_not_found(queue_id)
        return queue

    def _schema_ids(self, command: UpdateReviewQueue) -> list[str] | None:
        if not command.update_schema_ids:
            return None
        return decisions.ids_of("schema_ids", command.schema_ids) if command.schema_ids else []

    async def _require_label_schemas(self, experiment_id: int, schema_ids: Sequence[str]) -> None:
        own = [one for one in schema_ids if experiment_of_default(one) != experiment_id]
        if own:
            missing = set(own) - await self._known.look_up_all(LABEL_SCHEMA_IDS, own, experiment_id, own)
            if missing:
                raise ResourceDoesNotExist(
                    f"Label schema with id '{min(missing)}' not found for experiment '{experiment_id}'."
                )

    async def _append(self, event: AnyEvent, queue_id: str, actor: Actor, request_id: str) -> bytes:
        await self._writer.append_and_wait(event, actor, request_id)
        with in_the_log():
            return _ANSWER.render(await self._existing(queue_id))
