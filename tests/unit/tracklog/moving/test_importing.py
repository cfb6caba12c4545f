"""An import that is broken off ends, and what it appended stays."""

import asyncio
import itertools

import pytest

from event_log.memory_event_log import MemoryEventLog
from tests.unit.tracklog.moving.test_translation import EXPERIMENT
from tracklog.moving.importing import Import
from tracklog.moving.records import SizeRecord
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.stores import Consume, Store
from tracklog.moving.target import look_at


class Endless(Store):
    def read(self, consume: Consume) -> None:
        consume(itertools.chain([EXPERIMENT], itertools.repeat(SizeRecord("runs", 1))))


async def test_an_import_that_is_broken_off_ends_its_reading() -> None:
    log, begun = MemoryEventLog(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def show(*_: int) -> None:
        loop.call_soon_threadsafe(begun.set)

    running = Import(
        store=Endless(),
        target=await look_at(log),
        roots=Roots((), None),
        report=Report("endless", "memory", dry_run=False),
        show=show,
        log=log,
    )
    task = asyncio.create_task(running.run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
