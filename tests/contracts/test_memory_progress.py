"""The double of a progress keeps the contract, as far as it gets on."""

import pytest

from schemas.envelope import Position
from tests.contracts.progress_contract import Followed, ProgressContract, Refused
from tests.memory_progress import MemoryProgress


class FollowedMemory(Followed):
    """A double that is put where the test says."""

    progress: MemoryProgress

    def __init__(self) -> None:
        self.progress = MemoryProgress()

    async def commit(self, checkpoint: int, refused: Refused | None = None) -> None:
        self.progress.refusals.update({Position(0, offset): error for offset, error in (refused or {}).items()})
        self.progress.checkpoint[0] = checkpoint


class TestMemoryProgress(ProgressContract):
    """The rules."""

    @pytest.fixture
    def followed(self) -> FollowedMemory:
        return FollowedMemory()
