"""The stores that routes of webhooks use, opened when they are first needed: who has no webhook pays for none."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from tracklog.webhooks.secrets import SealedSecrets
from tracklog.webhooks.targets import CheckedTargets

if TYPE_CHECKING:
    from tracklog.webhooks.delivery_store import DeliveryStore


class Store(Protocol):
    async def close(self) -> None: ...


S = TypeVar("S", bound=Store)


class OpenedWhenNeeded(Generic[S]):
    """A store, opened by whoever needs it first; one that could not be opened is tried again by the next."""

    def __init__(self, open_store: Callable[[], Awaitable[S]]) -> None:
        self._open_store = open_store
        self._store: S | None = None
        self._opening = asyncio.Lock()

    async def get(self) -> S:
        """The open store. Raises what opening raises: TemporarilyUnavailable most of all."""
        async with self._opening:
            if self._store is None:
                self._store = await self._open_store()
            return self._store

    async def close(self) -> None:
        """Let go of the store, if it was needed."""
        if self._store is not None:
            await self._store.close()


def given(store: S) -> Callable[[], Awaitable[S]]:
    """A store that is open already, for whoever asks for it."""

    async def get() -> S:
        return store

    return get


@dataclass(frozen=True, slots=True)
class WebhookStores:
    """What routes of webhooks need beside the log and the read model."""

    secrets: SealedSecrets
    targets: CheckedTargets
    deliveries: "OpenedWhenNeeded[DeliveryStore]"
