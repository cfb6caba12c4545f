"""A child process and its parent, as the child sees it: the other end of `told_child`."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

from tracklog.serving.supervision import PING_S


def settings_told() -> bytes:
    """The line that the parent sends first."""
    return sys.stdin.buffer.readline()


def stop_with_parent(stopping: asyncio.Event) -> None:
    """Set `stopping` when standard input ends: the parent is gone, or wants this process to go."""
    loop = asyncio.get_running_loop()

    def hung_up() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stopping.set()

    loop.add_reader(sys.stdin.fileno(), hung_up)


async def tell_parent(status: Callable[[], Awaitable[bytes]]) -> None:
    """Tell the parent every second how this process is, in a line: that it says so is the sign that it goes on."""
    while True:
        line = await status()
        with contextlib.suppress(BrokenPipeError):  # the parent is gone, and standard input says so, too
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
        await asyncio.sleep(PING_S)
