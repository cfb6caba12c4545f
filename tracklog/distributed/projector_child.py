"""The projector child of a server on shared stores: `python -m tracklog.child` of this.

Its stores are a line of JSON on standard input; when that ends, its parent is gone or wants it to go.
"""

import asyncio
import logging
import sys

import msgspec

from event_log.port import ForeignLog
from tracklog.background import in_background
from tracklog.distributed.child_messages import ChildStatus, ProjectorSettings
from tracklog.distributed.projector_role import ProjectorRole
from tracklog.memory.collector import collect_seldom
from tracklog.serving.log_lines import log_as_json
from tracklog.serving.services import CannotStart
from tracklog.serving.telling_parent import settings_told, stop_with_parent, tell_parent

logger = logging.getLogger(__name__)


async def main() -> None:
    """Project until standard input ends."""
    settings = msgspec.json.decode(settings_told(), type=ProjectorSettings)
    stopping = asyncio.Event()
    stop_with_parent(stopping)
    projector = ProjectorRole(settings.stores.stores(), settings.proof)

    async def status() -> bytes:
        """That this process goes on, and what keeps it from folding."""
        return msgspec.json.encode(ChildStatus(projector.trouble))

    try:
        async with in_background(tell_parent(status)):
            await projector.run(stopping)
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
