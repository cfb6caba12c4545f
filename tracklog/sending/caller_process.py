"""The caller as the sender sees it: a child that is kept running, and calls that always come to something."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.errors import TemporarilyUnavailable
from tracklog.serving.supervision import HUNG_S, PING_S, Pulse, Supervisor, ended, kill_when_silent
from tracklog.serving.told_child import program_of
from tracklog.webhooks.addresses import AddressPolicy
from tracklog.webhooks.call import Call, Outcome
from tracklog.webhooks.frames import Frames, PeerGone

logger = logging.getLogger(__name__)

STREAM_LIMIT_BYTES: Final = 1024 * 1024
"""What is read ahead of either process."""

START_S: Final = 10.0
"""How long a call waits for a caller that is being started."""

PASSED_ON: Final = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "PYTHONHOME", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What of the environment a caller gets: how to run Python, and whom to trust. A store's credentials, a proxy and a
key are in none of them."""

PASSED_ON_BY_PREFIX: Final = "COVERAGE_"
"""How a process that is measured says so."""

GONE: Final = "The process that calls out ended."
NOT_THERE: Final = "The process that calls out is not there."


class CallerSettings(msgspec.Struct, frozen=True):
    """What a caller is told at its start. `timeout_s` is for a whole call."""

    schemes: list[str]
    private: bool
    timeout_s: float

    @property
    def policy(self) -> AddressPolicy:
        return AddressPolicy(schemes=frozenset(self.schemes), private=self.private)


def environment_of_a_caller(environment: Mapping[str, str]) -> dict[str, str]:
    """What of `environment` a process that calls out may know."""
    return {
        name: value for name, value in environment.items() if name in PASSED_ON or name.startswith(PASSED_ON_BY_PREFIX)
    }


class CallerProcess:
    """Makes calls by a child process, for as long as `keep_running` is not cancelled."""

    def __init__(self, settings: CallerSettings, hung_s: float = HUNG_S, start_s: float = START_S) -> None:
        self._settings = settings
        self._hung_s = hung_s
        self._start_s = start_s
        self._made = 0
        self._supervisor = Supervisor("caller", self._run, lambda: self._made)
        self._frames: Frames[Outcome] | None = None
        self._is_there = asyncio.Event()
        self._under_way: dict[int, asyncio.Future[Outcome]] = {}
        self._pulse = Pulse(1, 1)
        self.pid: int | None = None

    async def keep_running(self) -> None:
        await self._supervisor.keep_running()

    async def check(self) -> None:
        """Raise TemporarilyUnavailable, with why, when no caller is at work."""
        if (reason := self._supervisor.trouble) is not None:
            raise TemporarilyUnavailable(reason)

    async def call(self, call: Call) -> Outcome:
        """What came of `call`, whose number no other under way has. Raises nothing but CancelledError.

        When the process ends meanwhile nobody knows whether the receiver was reached: that is an error like another.
        """
        try:
            async with asyncio.timeout(self._start_s):
                await self._is_there.wait()
        except TimeoutError:
            return Outcome(call.number, 0, error=NOT_THERE)
        if self._frames is None:  # it has just ended
            return Outcome(call.number, 0, error=GONE)
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._under_way[call.number] = outcome
        self._frames.send(call)
        try:
            return await outcome
        finally:
            self._under_way.pop(call.number, None)

    # --- the child --------------------------------------------------------------------------------------------

    async def _run(self) -> int | None:
        """Run a caller to its end; its exit code."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = await self._started(theirs)
            except BaseException:
                ours.close()
                raise
        self.pid = child.pid
        try:
            with ours:  # whatever happens before its streams close it
                reader, writer = await asyncio.open_unix_connection(sock=ours, limit=STREAM_LIMIT_BYTES)
                await self._look_after(child, Frames(reader, writer, Outcome))
        finally:
            self.pid = None
            await ended(child)
        return child.returncode

    async def _started(self, end: socket.socket) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *program_of("tracklog.sending.caller")),
            msgspec.json.encode(self._settings).decode(),
            str(end.fileno()),
            pass_fds=(end.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
            env=environment_of_a_caller(os.environ),
        )

    async def _look_after(self, child: asyncio.subprocess.Process, frames: Frames[Outcome]) -> None:
        """Hear the child until it is gone, or has to go."""
        self._pulse = Pulse.of(self._hung_s, PING_S)
        watching = asyncio.create_task(kill_when_silent(child, self._pulse, "caller", ping_s=PING_S))
        try:
            await self._listen(frames)
        except PeerGone:
            pass
        finally:
            watching.cancel()
            self._frames = None
            self._is_there.clear()
            frames.close()  # the child leaves when the sender hangs up
            for number, outcome in self._under_way.items():
                if not outcome.done():
                    outcome.set_result(Outcome(number, 0, error=GONE))

    async def _listen(self, frames: Frames[Outcome]) -> None:
        while True:
            outcome = await frames.receive()
            self._pulse.heard()
            if self._frames is None:  # the first is a sign of life
                self._frames = frames
                self._supervisor.is_at_work()
                self._is_there.set()
            if outcome is not None:
                self._made += 1
                waiting = self._under_way.get(outcome.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(outcome)
