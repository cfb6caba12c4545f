"""What events of review queues come to."""

from pathlib import Path
from typing import Any

from schemas.events import (
    AnyEvent,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
)
from tests.unit.projector.histories import log_of
from tests.unit.projector.read_models import projected

CREATED = ReviewQueueCreated(queue_id="q", experiment_id=0, name="Q", queue_type="CUSTOM", users=["ann"])
ADDED = ReviewQueueItemsAdded(queue_id="q", item_ids=["tr-1", "tr-2"])


async def rows(folder: Path, sql: str, *events: AnyEvent) -> list[tuple[Any, ...]]:
    return (await projected(folder, await log_of(CREATED, *events))).rows(sql)


async def test_an_item_is_in_a_queue_once_and_who_did_it_first_did_it(tmp_path: Path) -> None:
    def done(by: str) -> ReviewQueueItemStatusSet:
        return ReviewQueueItemStatusSet(queue_id="q", item_id="tr-1", status="COMPLETE", completed_by=by)

    found = await rows(
        tmp_path,
        "SELECT item_id, status, completed_by FROM review_queue_items ORDER BY item_id",
        ADDED,
        done("ann"),
        done("bob"),
        ADDED,
    )
    assert found == [("tr-1", "COMPLETE", "ann"), ("tr-2", "PENDING", None)]


async def test_an_item_that_is_opened_again_was_done_by_nobody(tmp_path: Path) -> None:
    found = await rows(
        tmp_path,
        "SELECT status, completed_by, completed_time_ms FROM review_queue_items WHERE item_id = 'tr-1'",
        ADDED,
        ReviewQueueItemStatusSet(queue_id="q", item_id="tr-1", status="DECLINED", completed_by="ann"),
        ReviewQueueItemStatusSet(queue_id="q", item_id="tr-1", status="PENDING"),
    )
    assert found == [("PENDING", None, None)]


async def test_questions_are_changed_only_while_nothing_is_in_a_queue(tmp_path: Path) -> None:
    def asks(schema_id: str) -> ReviewQueueUpdated:
        return ReviewQueueUpdated(queue_id="q", schema_ids=[schema_id])

    gone = ReviewQueueItemsRemoved(queue_id="q", item_ids=["tr-1", "tr-2", "never"])
    one = await rows(tmp_path, "SELECT schema_ids, item_count FROM review_queues", asks("one"), ADDED, asks("two"))
    assert one == [('["one"]', 2)]
    (tmp_path / "again").mkdir()
    two = await rows(tmp_path / "again", "SELECT schema_ids, item_count FROM review_queues", ADDED, gone, asks("two"))
    assert two == [('["two"]', 0)]


async def test_what_is_created_after_a_deletion_is_new_in_the_same_batch_too(tmp_path: Path) -> None:
    done = ReviewQueueItemStatusSet(queue_id="q", item_id="tr-1", status="COMPLETE", completed_by="ann")
    found = await rows(
        tmp_path,
        "SELECT item_id, status, item_count FROM review_queue_items JOIN review_queues USING (queue_id)",
        *(
            ADDED,
            done,
            ReviewQueueDeleted(queue_id="q"),
            CREATED,
            ReviewQueueItemsAdded(queue_id="q", item_ids=["tr-1"]),
        ),
    )
    assert found == [("tr-1", "PENDING", 1)]
