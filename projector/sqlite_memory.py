"""A read model in memory, folded from a few events on the spot."""

import asyncio
from typing import Final, Self

from event_log.fixed_assignment import FixedAssignment
from event_log.gathered import Gathered
from projector.sqlite_generations import create_in_memory
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker
from schemas.envelope import Positions

AT_ONCE: Final = 100
"""Events that are folded before others have their turn: some two milliseconds."""

_BATCH_BYTES: Final = 64 * 1024


class FoldInMemory:
    """The fold of some events, as far as it was asked for. Closing `connection` frees the memory."""

    def __init__(self, events: Gathered) -> None:
        self.connection = create_in_memory()
        self._events = events

    async def start(self) -> Self:
        partitions = set(await self._events.partitions())
        writer = SqliteReadModelWriter(self.connection)
        self._worker = ProjectorWorker(
            self._events, writer, FixedAssignment(partitions), _others_first, batch_bytes=_BATCH_BYTES
        )
        await self._worker.start()
        return self

    async def fold_until(self, end: Positions) -> None:
        """Fold the events before `end`, of the partitions that it names."""
        held = self._worker.checkpoint
        await self._worker.fold_until({partition: offset for partition, offset in end.items() if partition in held})


async def _others_first(_progress: Progress) -> None:
    await asyncio.sleep(0)
