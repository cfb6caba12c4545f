"""The assignment of a process that shares its partitions with no other."""

import asyncio
from collections.abc import Set

from event_log.port import PartitionAssignment


class FixedAssignment(PartitionAssignment):
    """These partitions, and always."""

    def __init__(self, partitions: Set[int]) -> None:
        self._partitions = partitions

    @property
    def partitions(self) -> Set[int]:
        return self._partitions

    async def start(self) -> None:
        pass

    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        if known == self._partitions:
            await asyncio.sleep(timeout_s)

    async def close(self) -> None:
        pass
