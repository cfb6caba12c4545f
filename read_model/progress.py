"""The port through which ingest and queries learn how far the read model is, and what the fold decided."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from schemas.envelope import Position, Positions
from schemas.errors import Retryable, TracklogError


class ProjectionBehind(Retryable):
    """The read model did not reach a position within the bound."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503


class EventInLog(Retryable):
    """The event of a write is in the log, and its verdict is not known yet."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    in_doubt = True


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """For metrics and headers: where the read model is, and what it could not fold."""

    checkpoint: Positions
    set_aside: int


class ProjectionProgress(ABC):
    """How far the read model is.

    A position is reached when the rows of every event before it are committed and visible to new readers. Within one
    read model progress only moves forward. It goes back when another read model takes the place of one that is lost or
    damaged, or when the database lost its last commits in a crash. Those who wait then wait for what is there now.
    """

    @abstractmethod
    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        """Return when the read model has reached `positions` in every partition named.

        Raises ProjectionBehind after `timeout_s`, or TemporarilyUnavailable when a read model that is being folded anew
        is not whole by then. Requests a flush of the projector, which then does not linger.
        """

    @abstractmethod
    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        """What the fold decided about the event at `position`: None when it holds, else its writer's error.

        Raises ProjectionBehind after `timeout_s`; the event is in the log all the same.
        """

    def require_listening(self) -> None:  # noqa: B027
        """Raise TemporarilyUnavailable while no verdict can be received, so that no event is appended that needs one.

        Does nothing where the read model is never out of reach.
        """

    @abstractmethod
    def report(self) -> ProgressReport:
        """The newest known state, without waiting."""
