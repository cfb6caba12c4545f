"""How it goes with webhooks: which fail, since when, and which are sent nothing until somebody resumes them."""

import logging
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from tracklog.webhooks.deliveries import Tally, WebhookState
from tracklog.webhooks.delivery_store import DeliveryStore
from tracklog.webhooks.sender_rules import SenderRules

logger = logging.getLogger(__name__)

DAY_S: Final = 24 * 3600

FINE: Final = WebhookState()


class Health:
    """Of all webhooks, as it was when it was `read`, and as this sender changed it since.

    A webhook that is set aside counts as that at once, whenever the store has it. Raises TemporarilyUnavailable.
    """

    def __init__(self, store: DeliveryStore, rules: SenderRules, now_us: Callable[[], int]) -> None:
        self._store = store
        self._rules = rules
        self._now_us = now_us
        self._states: dict[str, WebhookState] = {}
        self._aside: dict[str, WebhookState] = {}  # set aside by this sender, until that is read from the store
        self._stored: set[str] = set()

    def begin_look(self) -> None:
        """What was stored before now is in what is read next."""
        for webhook_id in self._stored:
            self._aside.pop(webhook_id, None)
        self._stored.clear()

    async def read(self) -> None:
        self._states = await self._store.states() | self._aside

    def of(self, webhook_id: str) -> WebhookState:
        return self._states.get(webhook_id, FINE)

    def is_set_aside(self, webhook_id: str) -> bool:
        return self.of(webhook_id).set_aside_us is not None

    @property
    def known(self) -> Collection[str]:
        """The webhooks of which there is something to say."""
        return self._states.keys()

    @property
    def number_set_aside(self) -> int:
        return sum(state.set_aside_us is not None for state in self._states.values())

    async def resume(self, webhook_id: str) -> None:
        """Send to a webhook again: somebody has mended it."""
        await self._store.resume(webhook_id)
        self._states[webhook_id] = await self._store.state(webhook_id)

    def set_aside(self, webhook_id: str, reason: str) -> None:
        """Send a webhook nothing more, from this moment on. It has to be stored."""
        logger.warning("webhook %s is set aside: %s", webhook_id, reason)
        aside = msgspec.structs.replace(self.of(webhook_id), set_aside_us=self._now_us(), reason=reason)
        self._states[webhook_id] = self._aside[webhook_id] = aside

    async def store_aside(self, webhook_id: str) -> None:
        """Store that a webhook was set aside."""
        aside = self._aside.get(webhook_id)
        if aside is None or aside.set_aside_us is None:
            return  # it was stored for another reason meanwhile
        await self._store.set_aside(webhook_id, aside.reason, aside.set_aside_us)
        self._stored.add(webhook_id)

    async def add_up(self, webhook_id: str, tally: Tally) -> str | None:
        """Keep what attempts came to; why the webhook is to be set aside, None where it is not."""
        state = self.of(webhook_id)
        has_failed = state.failing_since_us is not None or state.parked_in_row > 0
        begins_to_fail = tally.failed_us is not None and state.failing_since_us is None
        if not (tally.parked or begins_to_fail or (tally.is_delivered and has_failed) or self._fails_for_long(state)):
            return None
        state = await self._store.add_up(webhook_id, tally)
        if state.set_aside_us is not None or webhook_id in self._aside:
            return None
        self._states[webhook_id] = state
        if state.parked_in_row >= self._rules.parked_in_row:
            return f"{state.parked_in_row} deliveries in a row were given up."
        if self._fails_for_long(state):
            return f"Nothing was delivered for {self._rules.failing_s / DAY_S:.0f} days."
        return None

    def _fails_for_long(self, state: WebhookState) -> bool:
        since_us = state.failing_since_us
        return since_us is not None and self._now_us() - since_us >= self._rules.failing_s * 1_000_000
