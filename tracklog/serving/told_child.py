"""A child process that is told its settings in a line on standard input, and tells how it is, line by line.

It leaves when standard input ends: its parent is gone, or wants it to go.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence

from tracklog.serving.supervision import PING_S, Pulse, ended, kill_when_silent


def program_of(module: str) -> tuple[str, ...]:
    """What Python is told to run `module` as a child."""
    return ("-m", "tracklog.child", module)


class ToldChild:
    """What a Supervisor runs. `settings` is what the child is told, `heard` is called with each line that it says.

    A child that says nothing for `hung_s` is killed.
    """

    def __init__(
        self,
        name: str,
        program: Sequence[str],
        settings: bytes,
        heard: Callable[[bytes], None],
        *,
        hung_s: float,
        ping_s: float = PING_S,
    ) -> None:
        self._name = name
        self._program = program
        self._settings = settings
        self._heard = heard
        self._hung_s = hung_s
        self._ping_s = ping_s
        self.pulse = Pulse(1, 1)
        self.pid: int | None = None

    async def run(self) -> int | None:
        """Run a child to its end; its exit code."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        self.pid = child.pid
        self.pulse = Pulse.of(self._hung_s, self._ping_s)
        silence = kill_when_silent(child, self.pulse, self._name, ping_s=self._ping_s)
        watching = asyncio.create_task(silence)
        try:
            child.stdin.write(self._settings + b"\n")
            await self._listen(child)
            return await child.wait()
        finally:
            self.pid = None
            watching.cancel()
            child.stdin.close()  # the child finishes what it is at, and leaves when its parent hangs up
            await ended(child)

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while line := await child.stdout.readline():
            self.pulse.heard()
            self._heard(line)
