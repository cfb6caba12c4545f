"""An import in a process of its own, which kills itself at the n-th append: `SOURCE LOG N`, N 0 for never.

Windows are small, so that there are many moments to be killed in.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from event_log.port import EventLog
from event_log.sqlite.event_log import SqliteEventLog
from schemas.envelope import EventData, Position
from tracklog.moving import importing
from tracklog.moving.importing import Import
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.sources import store_of
from tracklog.moving.target import look_at


def killed_at(log: EventLog, number: int) -> None:
    """Let the log take appends until the turn of that one, which has just been handed over and may get in or not."""
    append, seen = log.append, 0

    async def counted(events: Sequence[EventData]) -> list[Position]:
        nonlocal seen
        seen += 1
        if seen == number:
            under_way = asyncio.ensure_future(append(events))
            if number % 2:
                await under_way
            os.kill(os.getpid(), signal.SIGKILL)
        return await append(events)

    log.append = counted  # type: ignore[method-assign]


async def run(source: str, path: Path, number: int) -> None:
    importing.WINDOW_EVENTS = 30  # type: ignore[misc]
    with ThreadPoolExecutor(1) as executor:
        log = SqliteEventLog.open(path, executor)
        target = await look_at(log)
        killed_at(log, number)
        report = Report("source", "target", dry_run=False)
        roots = Roots((), None)
        await Import(
            store=store_of(source), target=target, roots=roots, report=report, show=lambda *_: None, log=log
        ).run()
        await log.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
