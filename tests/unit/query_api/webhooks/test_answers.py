"""What is answered of webhooks and of their deliveries."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
import pytest

from query_api.webhooks.answers import WebhookAnswers
from query_api.webhooks.rows import MLFLOWS, newest_webhooks
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.webhooks import GetDelivery, GetWebhook, ListDeliveries, ListWebhooks
from schemas.webhook_events import ANNOUNCEMENTS, MLFLOW_PAIRS
from tests.contracts.delivery_store_contract import add, attempted, delivery, ended
from tests.unit.query_api.sqlite_rows import SqliteRows
from tracklog.webhooks.deliveries import DELIVERED, PARKED, Attempt
from tracklog.webhooks.delivery_store import DeliveryStore, SqliteDeliveryStore
from tracklog.webhooks.seen_deliveries import StoredDeliveries
from tracklog.webhooks.stores import OpenedWhenNeeded

HOOK: Final = "w1"


@pytest.fixture
def rows() -> SqliteRows:
    rows = SqliteRows()
    rows.webhook(HOOK, events=["run.finished", "prompt_tag.set", "model_version.created"], created_ms=5)
    return rows


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DeliveryStore]:
    store = SqliteDeliveryStore(tmp_path / "deliveries")
    yield store
    await store.close()


@pytest.fixture
async def answers(rows: SqliteRows, store: DeliveryStore) -> WebhookAnswers:
    async def opened() -> DeliveryStore:
        return store

    return WebhookAnswers(rows, StoredDeliveries(OpenedWhenNeeded(opened)))


def parsed(answer: bytes) -> Any:
    return orjson.loads(answer)


# --- webhooks ---------------------------------------------------------------------------------------------------------


async def test_mlflow_is_told_of_its_events_in_their_order_and_of_no_secret(answers: WebhookAnswers) -> None:
    assert await answers.get_as_mlflow(GetWebhook(webhook_id=HOOK)) == (
        b'{"webhook":{"webhook_id":"w1","name":"w1","url":"https://example.com","events":[{"entity":"MODEL_VERSION",'
        b'"action":"CREATED"},{"entity":"PROMPT_TAG","action":"SET"}],"status":"ACTIVE","creation_timestamp":5,'
        b'"last_updated_timestamp":5}}'
    )


async def test_ours_tells_of_every_event_and_how_it_goes(answers: WebhookAnswers, store: DeliveryStore) -> None:
    await add(store, *map(delivery, range(3)))
    await attempted(store, [ended(delivery(0), PARKED)])
    webhook = parsed(await answers.get_whole(GetWebhook(webhook_id=HOOK)))["webhook"]
    assert webhook["events"] == ["model_version.created", "prompt_tag.set", "run.finished"]
    assert (webhook["pending"], webhook["parked"]) == (2, 1)
    assert "set_aside" not in webhook
    await store.set_aside(HOOK, "why", 7_654_321)
    webhook = parsed(await answers.get_whole(GetWebhook(webhook_id=HOOK)))["webhook"]
    assert webhook["set_aside"] == {"since": 7654, "reason": "why"}


async def test_a_description_is_told_where_there_is_one(rows: SqliteRows, answers: WebhookAnswers) -> None:
    rows.webhook("w2", events=["prompt.created"], description="d")
    assert parsed(await answers.get_as_mlflow(GetWebhook(webhook_id="w2")))["webhook"]["description"] == "d"


async def test_what_is_not_there_is_said_for_every_question(answers: WebhookAnswers) -> None:
    for asked in (
        answers.get_as_mlflow(GetWebhook(webhook_id="W1")),
        answers.get_whole(GetWebhook(webhook_id="none")),
        answers.list_deliveries(ListDeliveries(webhook_id="none")),
        answers.get_delivery(GetDelivery(webhook_id="none", delivery_id="x")),
        answers.get_delivery(GetDelivery(webhook_id=HOOK, delivery_id="x")),
    ):
        with pytest.raises(ResourceDoesNotExist):
            await asked


async def test_mlflows_routes_know_no_webhook_without_an_event_of_mlflows(
    rows: SqliteRows, answers: WebhookAnswers
) -> None:
    """Its client raises on a webhook without events, also in a list. Pages are full all the same."""
    ours = [name for name, one in ANNOUNCEMENTS.items() if one.mlflow_pair is None]
    for created_ms in range(6, 10):
        rows.webhook(f"w{created_ms}", events=ours, created_ms=created_ms)
    rows.webhook("w0", events=["run.failed", "prompt.created"], created_ms=0)
    first = parsed(await answers.list_as_mlflow(ListWebhooks(max_results=1)))
    asked = ListWebhooks(max_results=1, page_token=first["next_page_token"])
    second = parsed(await answers.list_as_mlflow(asked))
    assert [page["webhooks"][0]["webhook_id"] for page in (first, second)] == [HOOK, "w0"]
    assert "next_page_token" not in second
    with pytest.raises(ResourceDoesNotExist, match="/api/tracklog/v1/webhooks/w7"):
        await answers.get_as_mlflow(GetWebhook(webhook_id="w7"))
    assert parsed(await answers.get_whole(GetWebhook(webhook_id="w7")))["webhook"]["events"] == sorted(ours)
    assert len(parsed(await answers.list_whole(ListWebhooks()))["webhooks"]) == 6


@pytest.mark.parametrize("name", [one.name for one in MLFLOW_PAIRS.values()])
async def test_each_event_of_mlflows_makes_a_webhook_known_to_it(name: str) -> None:
    rows = SqliteRows()
    rows.webhook("w", events=["run.failed", name])
    assert await newest_webhooks(rows, None, 10, MLFLOWS)


async def test_webhooks_are_listed_by_pages_the_newest_first(rows: SqliteRows, answers: WebhookAnswers) -> None:
    for number, created_ms in enumerate((7, 9, 7, 7), 2):
        rows.webhook(f"w{number}", events=["prompt.created"], created_ms=created_ms)
    found: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = parsed(await answers.list_as_mlflow(ListWebhooks(max_results=2, page_token=token)))
        found += [one["webhook_id"] for one in page["webhooks"]]
        token, pages = page.get("next_page_token", ""), pages + 1
    assert found == ["w3", "w2", "w4", "w5", "w1"]
    assert pages == 3
    assert "next_page_token" not in parsed(await answers.list_whole(ListWebhooks(max_results=5)))


async def test_no_webhooks_are_an_empty_object(store: DeliveryStore) -> None:
    async def never() -> DeliveryStore:
        raise AssertionError("nobody asked for deliveries")

    answers = WebhookAnswers(SqliteRows(), StoredDeliveries(OpenedWhenNeeded(never)))
    assert await answers.list_as_mlflow(ListWebhooks()) == b"{}"
    assert await answers.list_whole(ListWebhooks(max_results=0)) == b"{}"


@pytest.mark.parametrize("max_results", [-1, 1001])
async def test_a_page_has_a_size(answers: WebhookAnswers, max_results: int) -> None:
    with pytest.raises(InvalidParameterValue, match="from 0 to 1000"):
        await answers.list_as_mlflow(ListWebhooks(max_results=max_results))


async def test_a_token_is_of_its_list(rows: SqliteRows, answers: WebhookAnswers) -> None:
    rows.webhook("w2", events=["prompt.created"])
    token = parsed(await answers.list_as_mlflow(ListWebhooks(max_results=1)))["next_page_token"]
    with pytest.raises(InvalidParameterValue, match="belongs to another search"):
        await answers.list_deliveries(ListDeliveries(webhook_id=HOOK, page_token=token))
    with pytest.raises(InvalidParameterValue, match="not made by this server"):
        await answers.list_as_mlflow(ListWebhooks(page_token="x"))


# --- deliveries -------------------------------------------------------------------------------------------------------


async def test_deliveries_are_listed_by_pages_the_newest_first(answers: WebhookAnswers, store: DeliveryStore) -> None:
    await add(store, *map(delivery, range(3)))
    first = parsed(await answers.list_deliveries(ListDeliveries(webhook_id=HOOK, max_results=2)))
    asked = ListDeliveries(webhook_id=HOOK, max_results=2, page_token=first["next_page_token"])
    second = parsed(await answers.list_deliveries(asked))
    assert [one["position"] for one in (*first["deliveries"], *second["deliveries"])] == ["0:2", "0:1", "0:0"]
    assert "next_page_token" not in second


async def test_deliveries_may_be_of_one_state(answers: WebhookAnswers, store: DeliveryStore) -> None:
    await add(store, *map(delivery, range(3)))
    await attempted(store, [ended(delivery(1), PARKED)])
    parked = parsed(await answers.list_deliveries(ListDeliveries(webhook_id=HOOK, state="parked")))
    assert [one["position"] for one in parked["deliveries"]] == ["0:1"]
    assert await answers.list_deliveries(ListDeliveries(webhook_id=HOOK, state="delivered")) == b"{}"
    with pytest.raises(InvalidParameterValue, match="pending, delivered, parked"):
        await answers.list_deliveries(ListDeliveries(webhook_id=HOOK, state="lost"))


async def test_a_delivery_tells_of_its_attempts(answers: WebhookAnswers, store: DeliveryStore) -> None:
    one = msgspec.structs.replace(delivery(4), created_us=1_000_000)
    await add(store, one)
    tries = (
        Attempt(2_000_000, 1500, error="refused"),
        Attempt(3_000_000, 2500, status=200, answer="ok"),
    )
    done = ended(one, DELIVERED, 3_002_500, *tries)
    await attempted(store, [msgspec.structs.replace(done, first_us=2_000_000)])
    asked = GetDelivery(webhook_id=HOOK, delivery_id=one.delivery_id)
    last = {"timestamp": 3000, "duration_ms": 2.5, "status": 200, "answer": "ok"}
    assert parsed(await answers.get_delivery(asked))["delivery"] == {
        "delivery_id": one.delivery_id,
        "event": "run.finished",
        "stream": "run/a",
        "state": "delivered",
        "creation_timestamp": 1000,
        "attempt_count": 2,
        "position": "0:4",
        "first_attempt_timestamp": 2000,
        "end_timestamp": 3002,
        "last_attempt": last,
        "attempts": [{"timestamp": 2000, "duration_ms": 1.5, "error": "refused"}, last],
    }


async def test_what_waits_tells_when_it_will_be_tried(answers: WebhookAnswers, store: DeliveryStore) -> None:
    one = delivery(1)
    await add(store, one)
    await attempted(store, [msgspec.structs.replace(one, first_us=400_000, due_us=9_000_000, attempts=1)])
    (seen,) = parsed(await answers.list_deliveries(ListDeliveries(webhook_id=HOOK)))["deliveries"]
    assert (seen["state"], seen["next_attempt_timestamp"]) == ("pending", 9000)
    assert "end_timestamp" not in seen
