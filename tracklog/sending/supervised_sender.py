"""The sender as a child of a server: there once a webhook is, and kept running from then on."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from prometheus_client.core import Metric

from query_api.port import ReadModel
from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.sending.sender_messages import ChildSettings, ChildStatus
from tracklog.serving.supervision import HUNG_S, PING_S, Pulse, Supervisor, ended

logger = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""How soon a server's first webhook has a sender. The question is one row of a small table."""


def program_of(module: str) -> tuple[str, ...]:
    """What Python is told to run `module` as a child."""
    return ("-m", "tracklog.child", module)


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
        self._program = program_of(module)
        self._settings = settings
        self._is_there_a_webhook = is_there_a_webhook
        self._look_s = look_s
        self._hung_s = hung_s
        self._lives = 0
        self._supervisor = Supervisor("sender of webhooks", self._run, lambda: self._lives)
        self._pulse = Pulse(1)
        self._status: ChildStatus | None = None
        self.pid: int | None = None

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

    async def _run(self) -> int | None:
        """Run a sender to its end; its exit code."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        self.pid = child.pid
        watching = asyncio.create_task(self._watch(child))
        try:
            child.stdin.write(msgspec.json.encode(self._settings) + b"\n")
            await self._listen(child)
            return await child.wait()
        finally:
            self.pid = None
            watching.cancel()
            child.stdin.close()  # the child lets go of its leases and leaves when its parent hangs up
            await ended(child)

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while line := await child.stdout.readline():
            self._pulse.heard()
            self._lives += 1
            self._status = msgspec.json.decode(line, type=ChildStatus)
            self._supervisor.is_at_work()

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        """Kill a child that gives no sign of life any more."""
        self._pulse = pulse = Pulse(round(self._hung_s / PING_S))
        while not pulse.is_lost():  # noqa: ASYNC110
            await asyncio.sleep(PING_S)
        logger.error("the sender of webhooks gave no sign of life for %g s; it is killed", self._hung_s)
        child.kill()
