"""The process that calls out: `python -m tracklog.child` of this, with SETTINGS FD.

It has no credentials, and opens nothing but connections to receivers. It leaves when the sender hangs up.
"""

import asyncio
import os
import resource
import socket
import sys
from typing import Final

import msgspec

from tracklog.background import in_background
from tracklog.memory.collector import collect_seldom
from tracklog.sending.caller_process import STREAM_LIMIT_BYTES, CallerSettings
from tracklog.serving.log_lines import log_as_json
from tracklog.serving.supervision import PING_S
from tracklog.webhooks.call import Call
from tracklog.webhooks.calling import Calling
from tracklog.webhooks.frames import Frames, PeerGone

OPEN_FILES: Final = 65_536
"""A connection each; a receiver that hangs holds 64."""


async def main(settings: CallerSettings, end: socket.socket) -> None:
    """Make the calls that the sender hands over, until it is gone."""
    reader, writer = await asyncio.open_unix_connection(sock=end, limit=STREAM_LIMIT_BYTES)
    frames = Frames(reader, writer, Call)
    under_way: set[asyncio.Task[None]] = set()
    async with Calling(settings.policy, settings.timeout_s) as calling, in_background(_live(frames)):
        try:
            while True:
                call = await frames.receive()
                if call is not None:
                    task = asyncio.create_task(_make(call, calling, frames))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
        except PeerGone:
            pass
        finally:
            frames.close()


async def _make(call: Call, calling: Calling, frames: Frames[Call]) -> None:
    frames.send(await calling.make(call))


async def _live(frames: Frames[Call]) -> None:
    """Tell the sender, again and again, that this process goes on."""
    while True:
        frames.send_sign_of_life()
        await asyncio.sleep(PING_S)


def _raise_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    import uvloop

    log_as_json()
    collect_seldom()
    _raise_open_files()
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=CallerSettings), socket.socket(fileno=int(sys.argv[2]))))
    # Without waiting for threads whose look-up of a name hangs.
    sys.stderr.flush()
    os._exit(0)
