"""The read model of a few streams as of a moment, as the query side sees it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from query_api.port import ReadModel
from schemas.envelope import Positions, RecordedEvent


@dataclass(frozen=True, slots=True)
class Step:
    """Consecutive events of one kind, and the read model as it is when they are folded; it goes on with the next."""

    events: Sequence[RecordedEvent]
    read_model: ReadModel


class PastReadModels(ABC):
    """Folds streams up to positions."""

    @abstractmethod
    def of_streams(self, streams: Sequence[str], positions: Positions) -> AbstractAsyncContextManager[ReadModel]:
        """A read model of these streams alone, as it was at `positions`, which name every partition.

        Entering it raises InvalidParameterValue when there is more to fold than is bounded, RequestLimitExceeded when
        too many ask at once, DeadlineExceeded, LogUnavailable, and what the live read model raises.
        """

    @abstractmethod
    async def streams_begun_by(self, event_type: str, ordering_unit: str, positions: Positions) -> list[str]:
        """The streams of which an event of this type, which begins a stream, is before `positions`.

        Raises as `of_streams` does.
        """

    @abstractmethod
    def steps(
        self, streams: Sequence[str], begin: Positions, end: Positions
    ) -> AbstractAsyncContextManager[AsyncIterator[Step]]:
        """From the state at `begin`, a step without events, to that at `end`, event by event.

        Where there are many events, several that follow one another in one stream, are of one type and by one user make
        one step. Events that changed nothing are in none. Raises as `of_streams` does.
        """
