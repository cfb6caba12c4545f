"""Commands about review queues, on a log in memory."""

from typing import Any

import orjson
import pytest

from ingest.review_queues.commands import ReviewQueueCommands
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.events import TraceStarted
from schemas.messages.review_queues import (
    AddItemsToReviewQueue,
    CreateReviewQueue,
    DeleteReviewQueue,
    GetOrCreateUserQueue,
    RemoveItemsFromReviewQueue,
    SetReviewQueueItemStatus,
    UpdateReviewQueue,
)
from tests.unit.ingest.doubles import ANN, Deployment

DEFAULT_SCHEMA = f"ls-{0:032x}"


@pytest.fixture
async def deployment() -> Deployment:
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


@pytest.fixture
def commands(deployment: Deployment) -> ReviewQueueCommands:
    return deployment.ingest.review_queues


async def create(commands: ReviewQueueCommands, **given: Any) -> dict[str, Any]:
    command = CreateReviewQueue(**{"experiment_id": "0", "name": "Hard ones", "queue_type": "CUSTOM", **given})
    return dict(orjson.loads(await commands.create(command, ANN, "q"))["review_queue"])


async def update(commands: ReviewQueueCommands, queue: dict[str, Any], **given: Any) -> dict[str, Any]:
    command = UpdateReviewQueue(queue_id=queue["queue_id"], **given)
    return dict(orjson.loads(await commands.update(command, ANN, "q"))["review_queue"])


async def of_user(commands: ReviewQueueCommands, user: str) -> dict[str, Any]:
    command = GetOrCreateUserQueue(experiment_id="0", user=user)
    return dict(orjson.loads(await commands.get_or_create(command, ANN, "q"))["review_queue"])


async def test_a_queue_is_answered_in_mlflows_shape(commands: ReviewQueueCommands) -> None:
    queue = await create(commands, users=["Bob ", "bob", "ann"], schema_ids=[DEFAULT_SCHEMA], created_by="eve")
    assert queue.pop("queue_id").startswith("rq-")
    assert queue.pop("creation_time_ms") == queue.pop("last_update_time_ms")
    assert queue == {
        "experiment_id": "0",
        "name": "Hard ones",
        "queue_type": "CUSTOM",
        "created_by": "ann",
        "users": ["bob", "ann"],
        "schema_ids": [DEFAULT_SCHEMA],
    }


async def test_names_are_one_queues_whatever_their_letter_case(commands: ReviewQueueCommands) -> None:
    first, second = await create(commands), await create(commands, name="other")
    with pytest.raises(ResourceAlreadyExists, match="case-insensitive"):
        await create(commands, name="hard ONES")
    with pytest.raises(ResourceAlreadyExists):
        await update(commands, second, name="HARD ones")
    assert (await update(commands, first, name="HARD ones"))["name"] == "HARD ones"
    for _ in range(2):
        assert await commands.delete(DeleteReviewQueue(queue_id=first["queue_id"]), ANN, "q") == b"{}"
    assert (await update(commands, second, name="hard ones", update_users=True))["name"] == "hard ones"


async def test_a_user_has_one_queue(commands: ReviewQueueCommands, deployment: Deployment) -> None:
    queue = await of_user(commands, " Ann")
    before = await deployment.count()
    assert await of_user(commands, "ann") == queue
    assert await deployment.count() == before
    assert (queue["name"], queue["users"], queue["queue_type"], queue["created_by"]) == ("ann", ["ann"], "USER", "ann")
    with pytest.raises(InvalidParameterValue, match="only custom queues"):
        await update(commands, queue, new_owner="bob")
    await create(commands, name="bob")
    with pytest.raises(ResourceAlreadyExists, match="taken by a custom queue"):
        await of_user(commands, "Bob")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"queue_type": 0}, InvalidParameterValue),
        ({"queue_type": None}, InvalidParameterValue),
        ({"name": " Default "}, InvalidParameterValue),
        ({"name": " "}, InvalidParameterValue),
        ({"users": [f"u{number}" for number in range(11)]}, InvalidParameterValue),
        ({"users": [" "]}, InvalidParameterValue),
        ({"queue_type": 1, "users": ["bob"]}, InvalidParameterValue),
        ({"queue_type": 1, "schema_ids": [DEFAULT_SCHEMA]}, InvalidParameterValue),
        ({"schema_ids": ["ls-1"]}, ResourceDoesNotExist),
        ({"schema_ids": [f"ls-{1:032x}"]}, ResourceDoesNotExist),
        ({"experiment_id": "77"}, ResourceDoesNotExist),
    ],
    ids=str,
)
async def test_what_is_no_queue_is_refused(
    commands: ReviewQueueCommands, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await create(commands, **given)


async def test_what_is_not_there_is_not_put_into_a_queue_nor_done(commands: ReviewQueueCommands) -> None:
    queue_id = (await create(commands))["queue_id"]
    with pytest.raises(ResourceDoesNotExist, match="tr-1"):
        await commands.add_items(AddItemsToReviewQueue(queue_id=queue_id, item_ids=["tr-1"]), ANN, "q")
    remove = RemoveItemsFromReviewQueue(queue_id=queue_id, item_ids=["tr-1"])
    assert await commands.remove_items(remove, ANN, "q") == b"{}"
    for status, by, error in (
        ("COMPLETE", None, InvalidParameterValue),
        ("PENDING", "ann", InvalidParameterValue),
        ("DONE", "ann", InvalidParameterValue),
        ("COMPLETE", "ann", ResourceDoesNotExist),
    ):
        set_status = SetReviewQueueItemStatus(queue_id=queue_id, item_id="tr-1", status=status, completed_by=by)
        with pytest.raises(error):
            await commands.set_status(set_status, ANN, "q")
    for wrong in ([], [" "]):
        with pytest.raises(InvalidParameterValue):
            await commands.add_items(AddItemsToReviewQueue(queue_id=queue_id, item_ids=wrong), ANN, "q")


async def test_traces_that_are_known_are_put_into_a_queue_without_waiting_for_more(
    commands: ReviewQueueCommands, deployment: Deployment
) -> None:
    queue_id = (await create(commands))["queue_id"]
    await deployment.append(TraceStarted(trace_id="tr-1", experiment_id=0, request_time_ms=1))
    add = AddItemsToReviewQueue(queue_id=queue_id, item_ids=["tr-1"])
    await commands.add_items(add, ANN, "q")  # the first time the read model is behind
    waits = deployment.projection.waits
    await commands.add_items(add, ANN, "q")
    assert deployment.projection.waits - waits == 1, "for its own event"
