"""A log that seals what it is given, and opens what it is asked for."""

from collections.abc import Sequence

from event_log.forgetting import ERASURE_TYPES
from event_log.port import EventLog
from event_log.sealing.known_keys import KnownStreamKeys
from event_log.sealing.port import EncodedEventLog
from event_log.sealing.stream_key import StreamKey
from event_log.sealing.unsealed_reads import UnsealedReads
from schemas import codec
from schemas.envelope import EventData, Position


class SealedLog(UnsealedReads, EventLog):
    """`log`, with payloads that are sealed under the keys of their streams; but erasures, which are to stay."""

    def __init__(self, log: EncodedEventLog, keys: KnownStreamKeys) -> None:
        super().__init__(log, keys)
        self._log = log
        self._sealing = keys

    async def append(self, events: Sequence[EventData]) -> list[Position]:
        """What comes for a stream whose key was destroyed is sealed under a key that nobody keeps."""
        streams = {event.stream for event in events if event.payload.event_type not in ERASURE_TYPES}
        keys = await self._sealing.to_seal(streams)
        payloads: list[bytes] = []
        for event in events:
            payload = codec.encode(event.payload)
            if event.payload.event_type not in ERASURE_TYPES:
                payload = (keys[event.stream] or StreamKey.new()).seal(event.id, event.stream, payload)
            payloads.append(payload)
        return await self._log.append_encoded(events, payloads)

    async def check_appendable(self) -> None:
        await self._sealing.check()
        await self._log.check_appendable()
