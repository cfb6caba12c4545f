"""A read model in memory, folded from a few events on the spot."""

import asyncio
import sqlite3
from typing import Final

from event_log.fixed_assignment import FixedAssignment
from event_log.gathered import Gathered
from projector.sqlite_generations import create_in_memory
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker

AT_ONCE: Final = 100
"""Events that are folded before others have their turn: some two milliseconds."""

_BATCH_BYTES: Final = 64 * 1024


async def folded_in_memory(events: Gathered) -> sqlite3.Connection:
    """A connection to a read model of these events alone; closing it frees the memory."""
    connection = create_in_memory()
    try:
        end = await events.end()
        worker = ProjectorWorker(
            events,
            SqliteReadModelWriter(connection),
            FixedAssignment(set(end)),
            _others_first,
            batch_bytes=_BATCH_BYTES,
        )
        await worker.start()
        await worker.fold_until(end)
    except BaseException:
        connection.close()
        raise
    return connection


async def _others_first(_progress: Progress) -> None:
    await asyncio.sleep(0)
