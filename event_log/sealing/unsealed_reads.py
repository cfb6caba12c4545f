"""Reads of a log whose payloads are sealed, with the payloads opened."""

from collections.abc import Mapping, Sequence, Set
from typing import Final

from msgspec.structs import replace

from event_log.passed_on import PassedOnReads
from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from event_log.sealing.known_keys import KnownStreamKeys
from event_log.sealing.stream_key import CannotOpen, StreamKey
from schemas.envelope import Position, RecordedEvent
from schemas.forgotten import forgotten
from schemas.sealed import NO_KEYS, is_sealed, unopened

NO_KEY: Final = "its key is not in the store of keys"


class UnsealedReads(PassedOnReads):
    """As `reads`, each sealed payload opened, or said to be forgotten where its key was destroyed.

    One that cannot be opened says why in its place. `keys` None: none can.
    """

    def __init__(self, reads: EventLogReader, keys: KnownStreamKeys | None) -> None:
        super().__init__(reads)
        self._keys = keys

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        return await self._opened(await super().read(partition, offset, limit=limit, matching=matching))

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        return await self._opened(await super().read_at(partition, offsets))

    async def keys_of(self, streams: Set[str]) -> Mapping[str, bytes]:
        """The secrets that open what is sealed of streams, as far as there are any. Raises LogUnavailable."""
        keys = {} if self._keys is None else await self._keys.to_open(streams)
        return {stream: key.secret for stream, key in keys.items() if key is not None}

    async def close(self) -> None:
        await super().close()
        if self._keys is not None:
            await self._keys.close()

    async def _opened(self, events: list[RecordedEvent]) -> list[RecordedEvent]:
        streams = {event.stream for event in events if is_sealed(event.payload)}
        if not streams:
            return events
        if self._keys is None:
            return [_unopened(event, NO_KEYS) if is_sealed(event.payload) else event for event in events]
        keys, passed_over = await self._keys.to_open(streams), await self._keys.passed_over()
        opened: list[RecordedEvent] = []
        for event in events:
            if not is_sealed(event.payload):
                opened.append(event)
            elif event.stream not in keys:
                opened.append(_unopened(event, NO_KEY))
            elif (key := keys[event.stream]) is None:
                opened.append(replace(event, payload=forgotten(event.payload)))
            elif passed_over and Position(event.partition, event.offset) in passed_over:
                opened.append(replace(event, payload=forgotten(event.payload, refused=True)))
            else:
                opened.append(_opened_by(key, event))
        return opened


def _opened_by(key: StreamKey, event: RecordedEvent) -> RecordedEvent:
    try:
        payload = key.open(event.id, event.stream, event.payload)
    except CannotOpen as error:
        return _unopened(event, str(error))
    return replace(event, payload=payload, sealed=event.payload)


def _unopened(event: RecordedEvent, why: str) -> RecordedEvent:
    return replace(event, payload=unopened(why), sealed=event.payload)
