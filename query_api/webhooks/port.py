"""What became of the deliveries of webhooks, as the query side sees it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DELIVERY_STATES: Final = ("pending", "delivered", "parked")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSeen:
    """One try: what the receiver answered, or why it could not be asked. Times are since the Unix epoch."""

    at_us: int
    duration_us: int
    status: int | None
    error: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySeen:
    """A delivery. `first_us` and `finished_us` are None before. `attempts` are the newest, of `attempt_count`."""

    delivery_id: str
    event: str
    stream: str
    partition: int
    offset: int
    state: str
    created_us: int
    first_us: int | None
    due_us: int
    finished_us: int | None
    attempt_count: int
    attempts: Sequence[AttemptSeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSeen:
    """How it goes with a webhook. `set_aside_us` is since when nothing is sent, None while it is."""

    pending: int
    parked: int
    set_aside_us: int | None
    reason: str


class Deliveries(ABC):
    """Raises TemporarilyUnavailable when the store of deliveries cannot be reached."""

    @abstractmethod
    async def webhook(self, webhook_id: str) -> WebhookSeen:
        """How it goes with a webhook, also with one of which nothing is known."""

    @abstractmethod
    async def listed(
        self, webhook_id: str, state: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[DeliverySeen]:
        """Deliveries, newest first, behind the one of a time of creation and id; of all states with None."""

    @abstractmethod
    async def delivery(self, webhook_id: str, delivery_id: str) -> DeliverySeen | None:
        """One of them, None when the webhook has no such one."""
