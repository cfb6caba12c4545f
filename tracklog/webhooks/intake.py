"""From the outbox to deliveries: what is behind the cursors of webhooks becomes what they are owed."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from tracklog.webhooks.deliveries import EVENT, Cursor, Delivery, delivery_id_of, new_delivery
from tracklog.webhooks.delivery_store import CursorMoved, DeliveryStore
from tracklog.webhooks.outbox_reader import OutboxReader, OutboxRow, Subscription
from tracklog.webhooks.payload import payload
from tracklog.webhooks.sender_rules import SenderRules

logger = logging.getLogger(__name__)


class Intake:
    """Raises TemporarilyUnavailable."""

    def __init__(
        self, store: DeliveryStore, outbox: OutboxReader, rules: SenderRules, now_us: Callable[[], int]
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._rules = rules
        self._now_us = now_us
        self._added: dict[str, int] = defaultdict(int)  # deliveries of each webhook since they were counted

    async def take(
        self,
        partitions: Iterable[int],
        webhooks: Iterable[Subscription],
        cursors: Mapping[tuple[str, int], Cursor],
    ) -> bool:
        """Make deliveries of what is in some partitions behind the cursors; whether there may be more."""
        is_behind = False
        readers = [one for one in webhooks if not await self._is_full(one)]
        for partition in partitions:
            places: dict[int, list[Subscription]] = defaultdict(list)
            for webhook in readers:
                cursor = cursors.get((webhook.webhook_id, partition))
                if cursor is not None:
                    places[cursor.next_offset].append(webhook)
            for offset, together in places.items():
                is_behind |= await self._take_of_partition(partition, offset, together)
        return is_behind

    async def _take_of_partition(self, partition: int, offset: int, webhooks: Sequence[Subscription]) -> bool:
        rows = await self._outbox.rows(partition, offset, self._rules.rows_at_once)
        if not rows:
            return False
        now_us = self._now_us()
        new: list[Delivery] = []
        for row in rows:
            told = [one for one in webhooks if row.event in one.events and one.is_told(partition, row.offset)]
            if told:
                body = payload(row.event, row.time_us, row.data)
                new += [_new_delivery(webhook, partition, row, body, now_us) for webhook in told]
        end = rows[-1].offset + 1
        try:
            await self._store.add({(one.webhook_id, partition): (offset, end) for one in webhooks}, new)
        except CursorMoved:
            logger.info("another sender reads partition %d", partition)
            return True
        for delivery in new:
            self._added[delivery.webhook_id] += 1
        return True

    async def _is_full(self, webhook: Subscription) -> bool:
        """Whether so many deliveries wait that the outbox is better read later."""
        if self._added[webhook.webhook_id] * 10 < self._rules.backlog:
            return False
        if await self._store.count_pending(webhook.webhook_id, self._rules.backlog) >= self._rules.backlog:
            return True
        self._added[webhook.webhook_id] = 0
        return False


def _new_delivery(webhook: Subscription, partition: int, row: OutboxRow, body: bytes, now_us: int) -> Delivery:
    return new_delivery(
        delivery_id=delivery_id_of(webhook.webhook_id, partition, row.offset, row.time_us),
        webhook_id=webhook.webhook_id,
        kind=EVENT,
        partition=partition,
        offset=row.offset,
        event=row.event,
        stream=row.stream,
        body=body,
        created_us=now_us,
    )
