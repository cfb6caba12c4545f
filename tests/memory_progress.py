"""How far a read model is that gets on only when the test says so."""

from read_model.progress import ProgressReport, ProjectionBehind, ProjectionProgress
from schemas.envelope import Position, Positions
from schemas.errors import TracklogError


class MemoryProgress(ProjectionProgress):
    """A read model that is at `checkpoint`. Nothing comes meanwhile, so no wait lasts; `waits` keeps them all."""

    def __init__(self, checkpoint: Positions | None = None) -> None:
        self.checkpoint = dict(checkpoint or {})
        self.refusals: dict[Position, TracklogError] = {}
        self.waits: list[tuple[Positions, float]] = []

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        self.waits.append((positions, timeout_s))
        if any(self.checkpoint.get(partition, 0) < offset for partition, offset in positions.items()):
            raise ProjectionBehind("behind")

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        await self.wait_until({position.partition: position.offset + 1}, timeout_s)
        return self.refusals.get(position)

    def report(self) -> ProgressReport:
        return ProgressReport(self.checkpoint, 0)
