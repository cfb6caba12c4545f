"""How far a read model is that does not move any more."""

from read_model.progress import ProgressReport, ProjectionProgress
from schemas.envelope import Position, Positions
from schemas.errors import TracklogError


class FixedProgress(ProjectionProgress):
    """Always at these positions, which every reader's are."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        pass

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        return None

    def report(self) -> ProgressReport:
        return ProgressReport(self._positions, 0)
