"""What attempts came to, from the moment that it is known until a look at the store finds it there."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from tracklog.webhooks.deliveries import EVENT, Delivery, Tally, lane_name, lane_of
from tracklog.webhooks.delivery_store import DeliveryStore

AddUp = Callable[[str, Tally], Awaitable[None]]
"""Is told of each webhook what its attempts came to, when it is stored."""


class Outcomes:
    """Of the attempts of the sender `owner`, stored as many at once as there are. Raises TemporarilyUnavailable."""

    def __init__(self, store: DeliveryStore, owner: str, add_up: AddUp) -> None:
        self._store = store
        self._owner = owner
        self._add_up = add_up
        self._new: list[Delivery] = []
        self._are_new = asyncio.Event()
        self._storing = asyncio.Lock()
        self._leases: dict[str, str] = {}  # by id of a delivery the lease of its lane
        self._stored: set[str] = set()

    def __contains__(self, delivery_id: str) -> bool:
        """Whether something came of a delivery that the store may not have said yet."""
        return delivery_id in self._leases

    def are_of(self, lease: str) -> bool:
        """Whether any is of a lane."""
        return lease in self._leases.values()

    def begin_look(self) -> None:
        """What was stored before now is in what is read next."""
        for delivery_id in self._stored:
            self._leases.pop(delivery_id, None)
        self._stored.clear()

    def add(self, tried: Delivery) -> None:
        """Have an outcome stored."""
        self._new.append(tried)
        self._leases[tried.delivery_id] = lane_name(lane_of(tried.stream))
        self._are_new.set()

    async def store_for_ever(self) -> None:
        """Store what comes."""
        while True:
            await self._are_new.wait()
            await self.store()

    async def store(self) -> None:
        """Store all that there is; what is being stored already is waited for."""
        async with self._storing:
            new, self._new = self._new, []
            self._are_new.clear()
            await self._store.attempted(new, self._owner)
            self._stored.update(one.delivery_id for one in new)
            tallies: dict[str, Tally] = defaultdict(Tally)
            for one in new:
                if one.kind == EVENT:
                    tallies[one.webhook_id] = tallies[one.webhook_id].with_one(one.state, one.history[-1].at_us)
            for webhook_id, tally in tallies.items():
                await self._add_up(webhook_id, tally)
