"""What is answered of review queues, on both databases."""

from typing import Any

import orjson
import pytest

from query_api.review_queues.answers import (
    get_review_queue,
    get_review_queue_by_name,
    list_items,
    list_review_queues,
)
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.review_queues import GetReviewQueue, GetReviewQueueByName, ListReviewQueueItems, ListReviewQueues
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def with_queues(rows: SqliteRows) -> SqliteRows:
    for number in range(3):
        rows.connection.execute(
            "INSERT INTO review_queues VALUES (?, 1, ?, ?, 'CUSTOM', ?, '[]', NULL, 2, ?, 9)",
            (f"rq-{number}", f"N{number}", f"1/n{number}", f'["u{number}"]', number // 2),
        )
        rows.connection.execute("INSERT INTO review_queue_users VALUES (?, ?)", (f"rq-{number}", f"u{number}"))
    for number in range(3):
        rows.connection.execute(
            "INSERT INTO review_queue_items VALUES ('rq-0', ?, ?, ?, NULL, ?, 9)",
            (f"tr-{number}", "COMPLETE" if number else "PENDING", "ann" if number else None, number // 2),
        )
    return rows


async def listed(rows: SqliteRows, **given: Any) -> list[str]:
    found: list[str] = []
    token, pages = "", 0
    while token or not pages:
        wanted = ListReviewQueues(experiment_id="1", max_results=2, page_token=token, **given)
        page = orjson.loads(await list_review_queues(rows, wanted))
        found += [one["queue_id"] for one in page.get("review_queues", [])]
        token, pages = page["next_page_token"], pages + 1
    return found


async def test_queues_are_listed_newest_first_of_a_user_or_with_an_item(with_queues: SqliteRows) -> None:
    assert await listed(with_queues) == ["rq-2", "rq-0", "rq-1"]
    assert await listed(with_queues, user=" U1") == ["rq-1"]
    assert await listed(with_queues, item_id="tr-2") == ["rq-0"]
    assert await listed(with_queues, item_id="tr-9") == []


async def test_one_is_found_by_its_id_or_by_its_name_in_any_letter_case(with_queues: SqliteRows) -> None:
    by_id = await get_review_queue(with_queues, GetReviewQueue(queue_id="rq-1"))
    assert by_id == (
        b'{"review_queue":{"queue_id":"rq-1","experiment_id":"1","name":"N1","queue_type":"CUSTOM",'
        b'"creation_time_ms":0,"last_update_time_ms":9,"users":["u1"]}}'
    )
    named = GetReviewQueueByName(experiment_id="1", name="n1")
    assert await get_review_queue_by_name(with_queues, named) == by_id
    with pytest.raises(ResourceDoesNotExist, match="not found"):
        await get_review_queue(with_queues, GetReviewQueue(queue_id="rq-9"))
    with pytest.raises(ResourceDoesNotExist, match="'x' not found for experiment '1'"):
        await get_review_queue_by_name(with_queues, GetReviewQueueByName(experiment_id="1", name="x"))


async def test_items_are_those_of_one_queue_page_by_page(with_queues: SqliteRows) -> None:
    with_queues.connection.execute(
        "INSERT INTO review_queue_items SELECT 'rq-1', item_id, 'DECLINED', 'bob', 1, 7, 7 FROM review_queue_items"
    )
    found: list[tuple[str, str]] = []
    token = ""
    while True:
        wanted = ListReviewQueueItems(queue_id="rq-0", max_results=1, page_token=token)
        page = orjson.loads(await list_items(with_queues, wanted))
        found += [(one["item_id"], one["status"]) for one in page["items"]]
        token = page["next_page_token"]
        if not token:
            break
    assert found == [("tr-2", "COMPLETE"), ("tr-0", "PENDING"), ("tr-1", "COMPLETE")]


async def test_items_are_listed_newest_first_by_their_status(with_queues: SqliteRows) -> None:
    everything = orjson.loads(await list_items(with_queues, ListReviewQueueItems(queue_id="rq-0")))
    assert [one["item_id"] for one in everything["items"]] == ["tr-2", "tr-0", "tr-1"]
    assert everything["next_page_token"] == ""
    for status in (2, "COMPLETE"):
        done = orjson.loads(await list_items(with_queues, ListReviewQueueItems(queue_id="rq-0", status=status)))
        assert [one["item_id"] for one in done["items"]] == ["tr-2", "tr-1"]
    assert await list_items(with_queues, ListReviewQueueItems(queue_id="rq-1")) == b'{"next_page_token":""}'
    with pytest.raises(InvalidParameterValue):
        await list_items(with_queues, ListReviewQueueItems(queue_id="rq-0", status="DONE"))
    with pytest.raises(ResourceDoesNotExist):
        await list_items(with_queues, ListReviewQueueItems(queue_id="rq-9"))
