"""Running the projector as a child of a server on shared stores: how it starts, and how it ends with its parent."""

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import msgspec

from schemas.errors import TemporarilyUnavailable
from tracklog.distributed.child_messages import ChildStatus, ChildStores
from tracklog.serving.supervision import HUNG_S, PING_S, Pulse, Supervisor, ended
from tracklog.settings.store_uris import SharedStores

logger = logging.getLogger(__name__)

DOUBTED_LOOKS: Final = 5
"""A child that is silent for as many may be busy; more likely it hangs."""


class SupervisedProjector:
    """A projector that is kept running as a child, for as long as `keep_running` is not cancelled."""

    def __init__(self, stores: SharedStores, reached: Callable[[], object], hung_s: float = HUNG_S) -> None:
        self._stores = stores
        self._hung_s = hung_s
        self._supervisor = Supervisor("projector", self._run, reached)
        self._trouble: str | None = None
        self._pulse = Pulse(1)

    async def keep_running(self) -> None:
        await self._supervisor.keep_running()

    async def check(self) -> None:
        """Raise TemporarilyUnavailable, with why, when no child is at work."""
        reason = self._supervisor.trouble or self._trouble
        if reason is None and self._pulse.silent >= DOUBTED_LOOKS:
            reason = f"The projector has given no sign of life for {self._pulse.silent * PING_S:.0f} s."
        if reason is not None:
            raise TemporarilyUnavailable(reason)

    async def _run(self) -> int | None:
        """Run a projector to its end; its exit code."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tracklog.child", "tracklog.distributed.projector_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        watching = asyncio.create_task(self._watch(child))
        try:
            child.stdin.write(msgspec.json.encode(asdict(ChildStores.of(self._stores))) + b"\n")
            await self._listen(child)
            return await child.wait()
        finally:
            watching.cancel()
            child.stdin.close()  # the child finishes its batch and leaves when its parent hangs up
            await ended(child)

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while line := await child.stdout.readline():
            self._pulse.heard()
            self._trouble = msgspec.json.decode(line, type=ChildStatus).trouble
            self._supervisor.is_at_work()

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        """Kill a child that gives no sign of life any more."""
        self._pulse = pulse = Pulse(round(self._hung_s / PING_S))
        while not pulse.is_lost():  # noqa: ASYNC110
            await asyncio.sleep(PING_S)
        logger.error("the projector gave no sign of life for %g s; it is killed", self._hung_s)
        child.kill()
