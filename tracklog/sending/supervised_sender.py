"""The sender as a child of a server: there once a webhook is, and kept running from then on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from prometheus_client.core import Metric

from query_api.port import ReadModel
from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.sending.sender_messages import ChildSettings, ChildStatus
from tracklog.serving.supervision import HUNG_S, PING_S, Supervisor
from tracklog.serving.told_child import ToldChild, program_of

NAME: Final = "sender of webhooks"

LOOK_S: Final = 1.0
"""How soon a server's first webhook has a sender. The question is one row of a small table."""


async def has_webhooks(read_model: ReadModel) -> bool:
    """Whether there is a webhook. Raises as `fetch` does."""
    return bool(await read_model.fetch("SELECT 1 FROM webhooks LIMIT 1"))


class SupervisedSender:
    """A sender that is kept running as a child, for as long as `keep_running` is not cancelled.

    `module` is what runs in it. `is_there_a_webhook` is asked until it says so: who has none pays no process for it.
    """

    def __init__(
        self,
        module: str,
        settings: ChildSettings,
        is_there_a_webhook: Callable[[], Awaitable[bool]],
        *,
        look_s: float = LOOK_S,
        hung_s: float = HUNG_S,
    ) -> None:
        self._is_there_a_webhook = is_there_a_webhook
        self._look_s = look_s
        self._lives = 0
        self._child = ToldChild(
            NAME, program_of(module), msgspec.json.encode(settings), self._heard, hung_s=hung_s, ping_s=PING_S
        )
        self._supervisor = Supervisor(NAME, self._child.run, lambda: self._lives)
        self._status: ChildStatus | None = None

    @property
    def pid(self) -> int | None:
        """Of the sender; None while there is none."""
        return self._child.pid

    async def keep_running(self) -> None:
        while not await self._is_wanted():  # noqa: ASYNC110
            await asyncio.sleep(self._look_s)
        await self._supervisor.keep_running()

    @property
    def is_at_work(self) -> bool:
        """Whether there is a sender, which has said so."""
        return self._supervisor.trouble is None

    async def check(self) -> None:
        """Raise TemporarilyUnavailable, with why, when a sender is wanted and none is at work."""
        reason = None if self._status is None else self._supervisor.trouble or self._status.trouble
        if reason is not None:
            raise TemporarilyUnavailable(reason)

    async def measured(self) -> list[Metric]:
        """What the sender counted since its start, as it said a second ago; nothing while there is none."""
        if self._status is None or not self.is_at_work:
            return []
        return [told.metric() for told in self._status.metrics]

    async def _is_wanted(self) -> bool:
        try:
            return await self._is_there_a_webhook()
        except Retryable:  # the read model is away, and everything else says so
            return False

    def _heard(self, line: bytes) -> None:
        self._lives += 1
        self._status = msgspec.json.decode(line, type=ChildStatus)
        self._supervisor.is_at_work()
