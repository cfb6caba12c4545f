"""What of the work that senders share one of them holds: partitions of the outbox to read, lanes to send."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from tracklog.webhooks.deliveries import LANES, lane_name
from tracklog.webhooks.delivery_store import DeliveryStore
from tracklog.webhooks.sender_rules import SenderRules

LANE_NAMES: Final = tuple(map(lane_name, range(LANES)))


class HeldLeases:
    """The leases of the sender `owner`. Raises TemporarilyUnavailable."""

    def __init__(self, store: DeliveryStore, owner: str, rules: SenderRules) -> None:
        self._store = store
        self._owner = owner
        self._rules = rules
        self._held: set[str] = set()
        self.surplus: set[str] = set()
        """What is held, and goes to others as soon as nothing of it is under way."""
        self.renewed_s = float("-inf")

    async def renew(self, partitions: Sequence[int], now_us: int, is_under_way: Callable[[str], bool]) -> bool:
        """Give back what is above the share, and renew the rest when it is time; whether it is another then.

        `is_under_way` says of a lease whether something of it is.
        """
        now_s = time.monotonic()
        free = {name for name in self.surplus if not is_under_way(name)}
        if free:
            await self._store.give_back(self._owner, free)
            self._held -= free
            self.surplus -= free
        if now_s - self.renewed_s < self._rules.renew_s:
            return False
        groups = [LANE_NAMES, tuple(f"partition/{number}" for number in partitions)]
        leases = await self._store.balance(self._owner, groups, int(self._rules.lease_s * 1_000_000), now_us)
        is_another = leases.held - leases.surplus != self._held - self.surplus
        self._held, self.surplus = leases
        self.renewed_s = now_s
        return is_another

    async def release(self) -> None:
        """Give everything back."""
        await self._store.release(self._owner)

    @property
    def has_lapsed(self) -> bool:
        """Whether others may have what was held, which the next renewal finds out."""
        return time.monotonic() - self.renewed_s >= self._rules.lease_s

    @property
    def lanes(self) -> list[int]:
        """Those of which the sender may send."""
        return self._numbers("lane/")

    @property
    def partitions(self) -> list[int]:
        """Those of which it may read the outbox."""
        return self._numbers("partition/")

    def _numbers(self, prefix: str) -> list[int]:
        names = self._held - self.surplus
        return sorted(int(name.removeprefix(prefix)) for name in names if name.startswith(prefix))
