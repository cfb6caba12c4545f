"""The read model of ingest's tests keeps the contract of a progress."""

import pytest

from schemas.events import ArtifactDeleted
from tests.contracts.progress_contract import Followed, ProgressContract, Refused
from tests.unit.ingest.doubles import Deployment, ProjectionOnDemand


class FollowedDeployment(Followed):
    """A log of events that change no row, some of which are made refused ones."""

    progress: ProjectionOnDemand

    def __init__(self) -> None:
        self._deployment = Deployment()
        self.progress = self._deployment.projection

    async def commit(self, checkpoint: int, refused: Refused | None = None) -> None:
        while await self._deployment.count() < checkpoint:
            await self._deployment.append(ArtifactDeleted(path="a"))
        self.progress._refusals.update(refused or {})


class TestProjectionOnDemand(ProgressContract):
    """The rules."""

    @pytest.fixture
    def followed(self) -> FollowedDeployment:
        return FollowedDeployment()
