"""The port of the query side, on the delivery store."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from query_api.webhooks.port import AttemptSeen, Deliveries, DeliverySeen, WebhookSeen
from tracklog.webhooks.deliveries import Attempt, Delivery
from tracklog.webhooks.stores import OpenedWhenNeeded

if TYPE_CHECKING:
    from tracklog.webhooks.delivery_store import DeliveryStore


class StoredDeliveries(Deliveries):
    def __init__(self, opened: "OpenedWhenNeeded[DeliveryStore]") -> None:
        self._opened = opened

    async def webhook(self, webhook_id: str) -> WebhookSeen:
        store = await self._opened.get()
        state, counts = await store.state(webhook_id), await store.count(webhook_id)
        return WebhookSeen(
            pending=counts["pending"], parked=counts["parked"], set_aside_us=state.set_aside_us, reason=state.reason
        )

    async def listed(
        self, webhook_id: str, state: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[DeliverySeen]:
        store = await self._opened.get()
        return [_seen(one) for one in await store.listed(webhook_id, state, before, limit)]

    async def delivery(self, webhook_id: str, delivery_id: str) -> DeliverySeen | None:
        store = await self._opened.get()
        found = await store.delivery(webhook_id, delivery_id)
        return None if found is None else _seen(found)


def _seen(one: Delivery) -> DeliverySeen:
    return DeliverySeen(
        delivery_id=one.delivery_id,
        event=one.event,
        stream=one.stream,
        partition=one.partition,
        offset=one.offset,
        state=one.state,
        created_us=one.created_us,
        first_us=one.first_us,
        due_us=one.due_us,
        finished_us=one.finished_us,
        attempt_count=one.attempts,
        attempts=[_attempt(attempt) for attempt in one.history],
    )


def _attempt(one: Attempt) -> AttemptSeen:
    return AttemptSeen(
        at_us=one.at_us, duration_us=one.duration_us, status=one.status, error=one.error, answer=one.answer
    )
