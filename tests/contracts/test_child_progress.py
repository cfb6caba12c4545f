"""The progress of an embedded read model keeps the contract."""

import pytest

from read_model.child_progress import ChildProgress
from read_model.progress_message import Projected, RefusedEvent
from tests.contracts.progress_contract import FollowedModels, FollowedProgressContract, Refused
from tests.eventually import until


class FollowedChild(FollowedModels):
    """A child that reports what the test commits. Its log is as long as its read model."""

    def __init__(self) -> None:
        self._requests: list[int] = []
        self._generation = 1
        self._checkpoint = 0
        self.progress: ChildProgress = ChildProgress(self._requests.append, lambda: self._checkpoint)

    async def commit(self, checkpoint: int, refused: Refused | None = None) -> None:
        refusals = [RefusedEvent(offset, error.error_code, error.message) for offset, error in (refused or {}).items()]
        self._report(checkpoint, refusals)

    async def set_aside(self, count: int) -> None:
        self._report(self._checkpoint, [], count)

    async def replace(self, checkpoint: int) -> None:
        self._generation += 1
        self._report(checkpoint, [])

    async def waiting(self, count: int) -> None:
        await until(lambda: self.progress._waiters._present >= count)

    async def flush_requests(self, at_least: int = 0) -> int:
        await until(lambda: len(self._requests) >= at_least)
        return len(self._requests)

    def _report(self, checkpoint: int, refusals: list[RefusedEvent], set_aside: int = 0) -> None:
        self._checkpoint = checkpoint
        self.progress.projected(Projected(f"read-model.{self._generation}", checkpoint, refusals, set_aside))


class TestChildProgress(FollowedProgressContract):
    """The rules."""

    @pytest.fixture
    def followed(self) -> FollowedChild:
        return FollowedChild()
