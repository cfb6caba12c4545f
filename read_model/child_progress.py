"""How far the embedded read model is, as its projector child reports it over the channel."""

import asyncio
from collections.abc import Callable
from typing import Final

from read_model.position_waiters import PositionWaiters
from read_model.progress import ProgressReport, ProjectionBehind, ProjectionProgress
from read_model.progress_message import Projected, RefusedEvent
from schemas.envelope import PARTITION, Position, Positions
from schemas.errors import TemporarilyUnavailable, TracklogError
from schemas.refusals import refusal_of

_KEPT_REFUSALS: Final = 10_000
"""More than there can be writers waiting for a verdict."""


class ChildProgress(ProjectionProgress):
    """Keeps the child's last report, and wakes those who wait for what is in it.

    `request_flush` is called with the offset of each wait that the child has not reached yet. `end` returns where the
    log ends.
    """

    def __init__(self, request_flush: Callable[[int], None], end: Callable[[], int]) -> None:
        self._request_flush = request_flush
        self._end = end
        self._generation: str | None = None
        self._whole_from = 0
        self._checkpoint = 0
        self._set_aside = 0
        self._waiters = PositionWaiters()
        self._refusals: dict[int, RefusedEvent] = {}

    @property
    def checkpoint(self) -> int:
        return self._checkpoint

    @property
    def is_awaited(self) -> bool:
        """Whether a reader waits for more than the child has folded."""
        return bool(self._waiters)

    @property
    def generation(self) -> str | None:
        """The file name of the read model that the child folds into; None until its first report."""
        return self._generation

    @property
    def incomplete(self) -> str | None:
        """How much a new read model has of the events that were in the log before it; None once it has them all."""
        if self._checkpoint >= self._whole_from:
            return None
        return (
            f"The read model is being folded from the log: {self._checkpoint} of {self._whole_from} events are in it."
        )

    def projected(self, message: Projected) -> None:
        """Take a report of the child: keep its refusals, then wake those whose positions it has reached."""
        if message.generation != self._generation:
            self._generation, self._checkpoint = message.generation, 0
            self._whole_from = self._end()
        for refused in message.refusals:
            self._refusals[refused.offset] = refused
        while len(self._refusals) > _KEPT_REFUSALS:
            del self._refusals[next(iter(self._refusals))]
        self._checkpoint = max(self._checkpoint, message.checkpoint)
        self._set_aside = message.set_aside
        self._waiters.reached(PARTITION, self._checkpoint)

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        """Raises TemporarilyUnavailable, too, while the read model is incomplete: what it lacks may well exist."""
        try:
            await self._reach(positions.get(PARTITION, 0), timeout_s)
        except ProjectionBehind as error:
            if (reason := self.incomplete) is not None:
                raise TemporarilyUnavailable(reason) from error
            raise

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        await self._reach(position.offset + 1, timeout_s)
        refused = self._refusals.pop(position.offset, None)
        if refused is None:
            return None
        return refusal_of(refused.error_code, refused.message)

    def report(self) -> ProgressReport:
        return ProgressReport({PARTITION: self._checkpoint}, self._set_aside)

    async def _reach(self, offset: int, timeout_s: float) -> None:
        if offset <= self._checkpoint:
            return
        self._request_flush(offset)
        try:
            async with asyncio.timeout(timeout_s):
                await self._waiters.wait(PARTITION, offset)
        except TimeoutError as error:
            raise ProjectionBehind(
                f"The read model is at {PARTITION}:{self._checkpoint} and did not reach {PARTITION}:{offset}"
                f" within {timeout_s} s."
            ) from error
