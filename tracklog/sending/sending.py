"""A sender with its caller, at work until told to stop, whatever its stores do meanwhile."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from prometheus_client.core import Metric

from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.background import in_background
from tracklog.sending.caller_process import CallerProcess, CallerSettings
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.call import Call, Outcome

logger = logging.getLogger(__name__)

AGAIN_S: Final = 1.0
"""Between attempts while a store is away."""

MakeCall = Callable[[Call], Awaitable[Outcome]]


STOP_S: Final = 3.0
"""How long calls under way may take when a sender is to stop: less than its parent waits before it kills it."""


class Sender(Protocol):
    """What sends, as long as its stores are there."""

    @property
    def trouble(self) -> str | None:
        """Why nothing is sent now, None while all is well."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set, and let go of what is held. Raises Retryable when a store is away."""

    async def measured(self) -> list[Metric]:
        """What there is to count."""


OpenSender = Callable[[MakeCall], AbstractAsyncContextManager[Sender]]
"""Opens the stores of a sender that makes its calls so. Raises Retryable when one is away."""


class Sending:
    """Sends as `run` is under way, and tells how it is."""

    def __init__(self, open_sender: OpenSender, webhooks: WebhookSettings, *, again_s: float = AGAIN_S) -> None:
        self._open_sender = open_sender
        self._again_s = again_s
        self._caller = CallerProcess(CallerSettings(sorted(webhooks.schemes), webhooks.private, webhooks.timeout_s))
        self._sender: Sender | None = None
        self._trouble: str | None = "The sender starts."

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set. A store that is away is waited for; what else is raised ends it."""
        async with in_background(self._caller.keep_running()):
            while not stopping.is_set():
                try:
                    async with self._open_sender(self._caller.call) as sender:
                        self._sender = sender
                        await sender.run(stopping)
                except Retryable as error:
                    self._in_trouble(error.message)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._again_s):
                            await stopping.wait()
                finally:
                    self._sender = None

    @property
    def trouble(self) -> str | None:
        """Why nothing is sent now, None while all is well."""
        if self._sender is None:
            return self._trouble
        return self._sender.trouble

    async def check_sender(self) -> None:
        """Raise TemporarilyUnavailable, with why, while nothing is sent."""
        if (reason := self.trouble) is not None:
            raise TemporarilyUnavailable(reason)

    async def check_caller(self) -> None:
        """Raise TemporarilyUnavailable, with why, while nobody makes calls."""
        await self._caller.check()

    async def measured(self) -> list[Metric]:
        return [] if self._sender is None else await self._sender.measured()

    def _in_trouble(self, why: str) -> None:
        if why != self._trouble:
            logger.error("nothing is sent: %s Trying again every %g s.", why, self._again_s)
        self._trouble = why
