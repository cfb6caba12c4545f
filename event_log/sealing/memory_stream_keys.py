"""The store of stream keys in memory, for unit tests."""

import os
from collections.abc import Collection, Mapping, Set

from event_log.sealing.port import StreamKeys
from event_log.sealing.stream_key import KEY_BYTES
from schemas.envelope import Position


class MemoryStreamKeys(StreamKeys):
    """Keeps everything in dictionaries. `asked` are the questions that it was asked, by the streams in each."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes | None] = {}
        self.asked: list[frozenset[str]] = []
        self._passed_over: set[Position] = set()
        self._carried_out: dict[int, int] = {}

    async def found(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
        self.asked.append(frozenset(streams))
        return {stream: self.kept[stream] for stream in streams if stream in self.kept}

    async def made(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
        self.asked.append(frozenset(streams))
        return {stream: self.kept.setdefault(stream, os.urandom(KEY_BYTES)) for stream in streams}

    async def destroy(self, streams: Collection[str]) -> int:
        count = sum(self.kept.get(stream) is not None for stream in streams)
        self.kept |= dict.fromkeys(streams)
        return count

    async def passed_over(self) -> Set[Position]:
        return frozenset(self._passed_over)

    async def pass_over(self, events: Collection[Position]) -> int:
        before = len(self._passed_over)
        self._passed_over.update(events)
        return len(self._passed_over) - before

    async def carried_out(self, partition: int) -> int:
        return self._carried_out.get(partition, 0)

    async def note_carried_out(self, partition: int, offset: int) -> None:
        self._carried_out[partition] = max(offset, await self.carried_out(partition))

    async def close(self) -> None:
        pass
