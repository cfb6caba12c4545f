"""The projector child of a server on shared stores: `python -m tracklog.child` of this.

Its stores are a line of JSON on standard input; when that ends, its parent is gone or wants it to go.
"""

import asyncio
import contextlib
import logging
import sys

import msgspec

from event_log.port import ForeignLog
from tracklog.distributed.child_messages import ChildStatus, ChildStores
from tracklog.distributed.projector_role import ProjectorRole
from tracklog.memory.collector import collect_seldom
from tracklog.serving.log_lines import log_as_json
from tracklog.serving.services import CannotStart
from tracklog.serving.supervision import PING_S

logger = logging.getLogger(__name__)


async def main() -> None:
    """Project until standard input ends."""
    stores = msgspec.json.decode(sys.stdin.buffer.readline(), type=ChildStores).stores()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hung_up() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stopping.set()

    loop.add_reader(sys.stdin.fileno(), hung_up)
    projector = ProjectorRole(stores)
    telling = asyncio.create_task(_tell(projector))
    try:
        await projector.run(stopping)
    except ForeignLog as foreign:
        logger.error("%s", foreign)
        sys.exit(1)
    finally:
        telling.cancel()


async def _tell(projector: ProjectorRole) -> None:
    """Tell the parent, line by line on standard output, that this process goes on, and what keeps it from folding."""
    while True:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone, and standard input says so, too
            sys.stdout.buffer.write(msgspec.json.encode(ChildStatus(projector.trouble)) + b"\n")
            sys.stdout.buffer.flush()
        await asyncio.sleep(PING_S)


if __name__ == "__main__":
    log_as_json()
    collect_seldom()
    try:
        asyncio.run(main())
    except CannotStart as error:
        logger.error("%s", error)  # its parent starts another, and a traceback says no more
        sys.exit(1)
