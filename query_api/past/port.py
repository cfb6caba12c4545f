"""The read model of a few streams as of a moment, as the query side sees it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from query_api.port import ReadModel
from schemas.envelope import Positions


class PastReadModels(ABC):
    """Folds streams up to positions."""

    @abstractmethod
    def of_streams(self, streams: Sequence[str], positions: Positions) -> AbstractAsyncContextManager[ReadModel]:
        """A read model of these streams alone, as it was at `positions`, which name every partition.

        Entering it raises InvalidParameterValue when there is more to fold than is bounded, RequestLimitExceeded when
        too many ask at once, DeadlineExceeded, LogUnavailable, and what the live read model raises.
        """
