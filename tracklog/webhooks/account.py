"""What commands about webhooks ask of who sends: tests, and what is sent again."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from ingest.webhooks.port import SentTest, WebhookDeliveries, WebhookNeeds
from schemas.webhook_events import ANNOUNCEMENTS
from tracklog.webhooks.deliveries import DELIVERED, PENDING, TEST, Delivery, new_delivery
from tracklog.webhooks.payload import payload
from tracklog.webhooks.stores import OpenedWhenNeeded, WebhookStores

if TYPE_CHECKING:
    from tracklog.webhooks.delivery_store import DeliveryStore

POLL_S: Final = 0.05
TEST_S: Final = 45.0
"""How long a test is waited for: a call takes half a minute at most."""

NOBODY_SENDS: Final = "Nothing came of it in time: is anybody sending webhooks?"


def needs_of(stores: WebhookStores) -> WebhookNeeds:
    """What commands stand on."""
    return WebhookNeeds(stores.targets, stores.secrets, DeliveryAccount(stores.deliveries))


class DeliveryAccount(WebhookDeliveries):
    """On the delivery store. `test_s` is how long a test is waited for."""

    def __init__(self, opened: "OpenedWhenNeeded[DeliveryStore]", test_s: float = TEST_S) -> None:
        self._opened = opened
        self._test_s = test_s

    async def test(self, webhook_id: str, event: str) -> SentTest:
        store, now_us, number = await self._opened.get(), time.time_ns() // 1000, str(uuid.uuid4())
        example = msgspec.json.encode(ANNOUNCEMENTS[event].example).decode()
        test = new_delivery(
            delivery_id=number,
            webhook_id=webhook_id,
            kind=TEST,
            partition=-1,
            offset=-1,
            event=event,
            stream=f"test/{number}",
            body=payload(event, now_us, example),
            created_us=now_us,
        )
        await store.add_test(test)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._test_s
        while loop.time() < until_s:
            found = await store.delivery(webhook_id, number)
            if found is None or found.state != PENDING:
                return _outcome(found)
            await asyncio.sleep(POLL_S)
        return SentTest(success=False, error=NOBODY_SENDS)

    async def redeliver(self, webhook_id: str, delivery_id: str) -> bool:
        return await (await self._opened.get()).redeliver(webhook_id, delivery_id, time.time_ns() // 1000)

    async def redeliver_since(self, webhook_id: str, since: Mapping[int, int]) -> None:
        await (await self._opened.get()).redeliver_since(webhook_id, since)

    async def resume(self, webhook_id: str) -> None:
        await (await self._opened.get()).resume(webhook_id)


def _outcome(test: Delivery | None) -> SentTest:
    if test is None or not test.history:
        return SentTest(success=False, error=NOBODY_SENDS)
    last = test.history[-1]
    return SentTest(test.state == DELIVERED, last.status, last.answer, last.error)
