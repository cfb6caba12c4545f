"""The sender as a child of a server: its settings are a line on standard input, whose end means that it is to leave."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from event_log.port import ForeignLog
from tracklog.background import in_background
from tracklog.memory.collector import collect_seldom
from tracklog.sending.sender_messages import ChildSettings, ChildStatus, MetricTold
from tracklog.sending.sending import OpenSender, Sending
from tracklog.serving.log_lines import log_as_json
from tracklog.serving.services import CannotStart, ToldToStop
from tracklog.serving.telling_parent import settings_told, stop_with_parent, tell_parent

logger = logging.getLogger(__name__)

Prepare = Callable[[ChildSettings, asyncio.Event], AbstractAsyncContextManager[OpenSender]]
"""Prepares what senders of a deployment have in common. May raise ToldToStop once the event is set, and CannotStart."""


def run(prepare: Prepare) -> None:
    """Send until standard input ends."""
    import uvloop

    log_as_json()
    collect_seldom()
    try:
        uvloop.run(_main(prepare))
    except (CannotStart, ForeignLog) as error:
        logger.error("%s", error)  # its parent starts another, and a traceback says no more
        sys.exit(1)


async def _main(prepare: Prepare) -> None:
    settings = msgspec.json.decode(settings_told(), type=ChildSettings)
    stopping = asyncio.Event()
    stop_with_parent(stopping)
    sending: Sending | None = None

    async def status() -> bytes:
        """That this process goes on, what keeps it from sending, and what it counted."""
        if sending is None:
            return msgspec.json.encode(ChildStatus("The sender starts."))
        metrics = [MetricTold.of(metric) for metric in await sending.measured()]
        return msgspec.json.encode(ChildStatus(sending.trouble, metrics))

    async with in_background(tell_parent(status)):
        with contextlib.suppress(ToldToStop):
            async with prepare(settings, stopping) as open_sender:
                sending = Sending(open_sender, settings.webhooks)
                await sending.run(stopping)
