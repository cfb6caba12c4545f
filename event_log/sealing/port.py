"""The store of stream keys, as those see it who seal, open and forget; and a log that takes payloads as they are."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence, Set

from event_log.port import EventLog
from schemas.envelope import EventData, Position


class StreamKeys(ABC):
    """The keys of one log. Every method raises LogUnavailable, and may be repeated after it.

    In what is answered None is a key that was destroyed; of a stream that is not in it there is no key at all.
    """

    @abstractmethod
    async def found(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
        """The keys of streams."""

    @abstractmethod
    async def made(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
        """The keys of streams, each of them: made where there was none, and durable. Several may make it at once.

        A key that was destroyed is never made again.
        """

    @abstractmethod
    async def destroy(self, streams: Collection[str]) -> int:
        """Have the keys of streams be no more, also of those that have none yet; how many there were.

        When this returns, no part of the store has them.
        """

    @abstractmethod
    async def passed_over(self) -> Set[Position]:
        """The events that are forgotten although the key of their stream stays."""

    @abstractmethod
    async def pass_over(self, events: Collection[Position]) -> int:
        """Add to them; how many are new."""

    @abstractmethod
    async def carried_out(self, partition: int) -> int:
        """The offset up to which the erasures of a partition are carried out.

        It is kept with the keys, so that a copy of them that is put back also tells which of them are to go again.
        """

    @abstractmethod
    async def note_carried_out(self, partition: int, offset: int) -> None:
        """Say up to which offset they are now. It never goes back."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store."""


class EncodedEventLog(EventLog):
    """A log that keeps payloads as it is given them."""

    @abstractmethod
    async def append_encoded(self, events: Sequence[EventData], payloads: Sequence[bytes]) -> list[Position]:
        """As `append`, with what is stored of each event in the place of its payload."""
