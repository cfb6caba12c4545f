"""What commands about webhooks ask of who sends."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ingest.webhooks.port import SentTest
from tracklog.webhooks import account
from tracklog.webhooks.account import NOBODY_SENDS, DeliveryAccount
from tracklog.webhooks.deliveries import DELIVERED, PENDING, Attempt, Delivery
from tracklog.webhooks.stores import OpenedWhenNeeded, given

FAILED = "failed"


class Store:
    """Keeps a test, and has `becomes` say what it is by the time it is looked at."""

    def __init__(self, becomes: Callable[[Delivery], Delivery | None]) -> None:
        self._becomes = becomes
        self.tests: list[Delivery] = []
        self.asked: list[Any] = []

    async def add_test(self, test: Delivery) -> None:
        self.tests.append(test)

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery | None:
        assert (webhook_id, delivery_id) == (self.tests[-1].webhook_id, self.tests[-1].delivery_id)
        return self._becomes(self.tests[-1])

    async def redeliver(self, webhook_id: str, delivery_id: str, now_us: int) -> bool:
        self.asked.append((webhook_id, delivery_id, now_us > 10**15))
        return True

    async def redeliver_since(self, webhook_id: str, since: Mapping[int, int]) -> None:
        self.asked.append((webhook_id, since))

    async def resume(self, webhook_id: str) -> None:
        self.asked.append(webhook_id)

    async def close(self) -> None:
        pass


def over(store: Store, test_s: float = 60.0) -> DeliveryAccount:
    opened: OpenedWhenNeeded[Any] = OpenedWhenNeeded(given(store))
    return DeliveryAccount(opened, test_s)


def after(state: str, *attempts: Attempt) -> Callable[[Delivery], Delivery]:
    return lambda test: msgspec.structs.replace(test, state=state, history=attempts)


async def test_a_test_is_a_delivery_of_an_example_and_its_outcome_that_of_the_last_attempt() -> None:
    first, last = Attempt(1, 1, error="The connection was refused."), Attempt(2, 1, status=200, answer="thanks")
    store = Store(after(DELIVERED, first, last))
    found = await over(store).test("w", "registered_model.created")
    assert found == SentTest(success=True, status=200, body="thanks")
    [sent] = store.tests
    assert (sent.webhook_id, sent.event, sent.partition, sent.offset) == ("w", "registered_model.created", -1, -1)
    assert sent.stream == f"test/{sent.delivery_id}"
    assert json.loads(sent.body)["entity"] == "registered_model"


async def test_a_test_that_failed_says_why() -> None:
    store = Store(after(FAILED, Attempt(1, 1, status=500, answer="sorry", error="no")))
    found = await over(store).test("w", "registered_model.created")
    assert found == SentTest(success=False, status=500, body="sorry", error="no")


async def test_it_is_looked_at_until_something_came_of_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(account, "POLL_S", 0.0)
    states = iter([PENDING, PENDING, DELIVERED])
    store = Store(lambda test: after(next(states), Attempt(1, 1, status=204))(test))
    assert (await over(store).test("w", "registered_model.created")).status == 204
    assert next(states, None) is None


async def test_where_nobody_sends_that_is_said() -> None:
    nobody = SentTest(success=False, error=NOBODY_SENDS)
    gone = Store(lambda _: None)
    assert await over(gone).test("w", "registered_model.created") == nobody
    assert await over(Store(after(FAILED))).test("w", "registered_model.created") == nobody
    async with asyncio.timeout(30):
        assert await over(Store(after(PENDING)), test_s=0.0).test("w", "registered_model.created") == nobody


async def test_what_is_sent_again_is_for_the_store_to_do() -> None:
    store = Store(after(PENDING))
    asking = over(store)
    assert await asking.redeliver("w", "d")
    await asking.redeliver_since("w", {0: 7})
    await asking.resume("w")
    assert store.asked == [("w", "d", True), ("w", {0: 7}), "w"]
