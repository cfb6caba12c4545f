"""The projector child of a server on shared stores: `python -m tracklog.child` of this.

Its stores are a line of JSON on standard input; when that ends, its parent is gone or wants it to go.
"""

import asyncio
import logging
import sys

import msgspec

from event_log.port import ForeignLog
from tracklog.cli.running import log_as_json
from tracklog.distributed.projector import Projector, collect_seldom
from tracklog.distributed.projector_child import ChildStores
from tracklog.serving import CannotStart

logger = logging.getLogger(__name__)

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
    try:
        await Projector(stores).run(stopping)
    except ForeignLog as foreign:
        logger.error("%s", foreign)
        sys.exit(1)


if __name__ == "__main__":
    log_as_json()
    collect_seldom()
    try:
        asyncio.run(main())
    except CannotStart as error:
        logger.error("%s", error)  # its parent starts another, and a traceback says no more
        sys.exit(1)
