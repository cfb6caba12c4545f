"""Forgetting in a log whose payloads are sealed: the keys of the streams go."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from event_log.forgetting import Forgetting
from event_log.sealing.known_keys import LEASE_S
from event_log.sealing.port import StreamKeys
from schemas.envelope import Position


class KeyForgetting(Forgetting):
    """Of the log of `keys`. `sleep` waits for seconds."""

    def __init__(self, keys: StreamKeys, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._keys = keys
        self._sleep = sleep

    async def forget(self, streams: Sequence[str], refused: Sequence[Position] = ()) -> int:
        """How many keys went, and how many events beside them. The keys that other processes know last LEASE_S."""
        count = await self._keys.destroy(streams) if streams else 0
        if refused:
            count += await self._keys.pass_over(refused)
        await self._sleep(LEASE_S)
        return count

    async def carried_out(self, partition: int) -> int:
        return await self._keys.carried_out(partition)

    async def note_carried_out(self, partition: int, offset: int) -> None:
        await self._keys.note_carried_out(partition, offset)
