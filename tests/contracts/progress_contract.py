"""What everything that says how far the read model is must do, whatever reports it.

A test module subclasses `ProgressContract`, for an adapter that follows a projector `FollowedProgressContract`, and
gives it the fixture `followed`, a progress of a read model that has folded nothing yet.
"""

import asyncio
from abc import ABC, abstractmethod

import pytest

from read_model.progress import ProgressReport, ProjectionBehind, ProjectionProgress
from schemas.envelope import Position
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists
from tests.eventually import until

EXISTS = ResourceAlreadyExists("there is one")
INVALID = InvalidParameterValue("no")

Refused = dict[int, ResourceAlreadyExists | InvalidParameterValue]

AT_ONCE_S = 0.0
"""The bound of a wait that must fail: what it waits for cannot come meanwhile."""
LONG_S = 600.0
"""The bound of a wait that must end otherwise."""


class Followed(ABC):
    """A progress under test, and the part of the projector. Its read model has partition 0 alone."""

    progress: ProjectionProgress

    @abstractmethod
    async def commit(self, checkpoint: int, refused: Refused | None = None) -> None:
        """Commit rows up to `checkpoint`, with the events refused that `refused` names by offset.

        Those to come need not be known to `progress` when this returns: see `reported`.
        """


class FollowedModels(Followed):
    """One whose read models can be replaced, and whose requests to flush can be seen."""

    @abstractmethod
    async def set_aside(self, count: int) -> None:
        """Report that so many events are set aside, after everything that was committed before."""

    @abstractmethod
    async def replace(self, checkpoint: int) -> None:
        """Take another read model live, which is folded up to `checkpoint`."""

    @abstractmethod
    async def waiting(self, count: int) -> None:
        """Return when so many tasks wait."""

    @abstractmethod
    async def flush_requests(self, at_least: int = 0) -> int:
        """How many requests to flush the projector was sent until now, once there were `at_least` so many."""


async def reported(followed: Followed, report: ProgressReport) -> None:
    """Return when the progress reports this."""
    await until(lambda: followed.progress.report() == report)


class ProgressContract:
    """The rules of every progress, doubles among them."""

    async def test_the_start_is_reached_from_the_first(self, followed: Followed) -> None:
        await followed.progress.wait_until({0: 0}, AT_ONCE_S)

    async def test_what_is_committed_is_reached(self, followed: Followed) -> None:
        await followed.commit(5)
        await followed.progress.wait_until({0: 5}, LONG_S)
        await followed.progress.wait_until({0: 4}, AT_ONCE_S)
        assert followed.progress.report() == ProgressReport({0: 5}, 0)

    async def test_what_is_not_committed_within_the_bound_is_behind(self, followed: Followed) -> None:
        await followed.commit(4)
        await followed.progress.wait_until({0: 4}, LONG_S)
        with pytest.raises(ProjectionBehind):
            await followed.progress.wait_until({0: 5}, AT_ONCE_S)

    async def test_an_event_that_holds_has_no_error(self, followed: Followed) -> None:
        await followed.commit(5, {3: EXISTS})
        assert await followed.progress.verdict(Position(0, 4), LONG_S) is None

    async def test_a_refused_event_has_the_error_that_the_fold_gave_it(self, followed: Followed) -> None:
        await followed.commit(5, {2: INVALID, 3: EXISTS})
        error = await followed.progress.verdict(Position(0, 3), LONG_S)
        assert isinstance(error, ResourceAlreadyExists)
        assert error.message == EXISTS.message
        assert isinstance(await followed.progress.verdict(Position(0, 2), LONG_S), InvalidParameterValue)

    async def test_a_verdict_that_does_not_come_within_the_bound_is_behind(self, followed: Followed) -> None:
        await followed.commit(3)
        await followed.progress.wait_until({0: 3}, LONG_S)
        with pytest.raises(ProjectionBehind):
            await followed.progress.verdict(Position(0, 3), AT_ONCE_S)

    async def test_a_progress_that_is_up_takes_writes_that_need_a_verdict(self, followed: Followed) -> None:
        followed.progress.require_listening()


class FollowedProgressContract(ProgressContract):
    """The rules of an adapter that follows a projector."""

    async def test_a_commit_wakes_those_whose_positions_it_reaches(self, followed: FollowedModels) -> None:
        near = asyncio.create_task(followed.progress.wait_until({0: 5}, LONG_S))
        far = asyncio.create_task(followed.progress.wait_until({0: 6}, LONG_S))
        await followed.waiting(2)
        await followed.commit(5)
        await near
        assert not far.done()
        await followed.commit(6)
        await far

    async def test_a_verdict_is_waited_for(self, followed: FollowedModels) -> None:
        deciding = asyncio.create_task(followed.progress.verdict(Position(0, 3), LONG_S))
        await followed.waiting(1)
        await followed.commit(5, {3: EXISTS})
        assert isinstance(await deciding, ResourceAlreadyExists)

    async def test_events_set_aside_are_counted(self, followed: FollowedModels) -> None:
        await followed.commit(5)
        await followed.set_aside(2)
        await reported(followed, ProgressReport({0: 5}, 2))

    async def test_within_one_read_model_progress_does_not_go_back(self, followed: FollowedModels) -> None:
        await followed.commit(5)
        await followed.commit(3)
        await followed.set_aside(1)
        await reported(followed, ProgressReport({0: 5}, 1))
        await followed.progress.wait_until({0: 5}, AT_ONCE_S)

    async def test_progress_goes_back_to_that_of_another_read_model(self, followed: FollowedModels) -> None:
        await followed.commit(5)
        await followed.progress.wait_until({0: 5}, LONG_S)
        await followed.replace(2)
        await reported(followed, ProgressReport({0: 2}, 0))
        again = asyncio.create_task(followed.progress.wait_until({0: 5}, LONG_S))
        await followed.waiting(1)
        await followed.commit(5)
        await again

    async def test_those_who_wait_while_another_takes_its_place_wait_for_that_one(
        self, followed: FollowedModels
    ) -> None:
        await followed.commit(3)
        waiting = asyncio.create_task(followed.progress.wait_until({0: 5}, LONG_S))
        await followed.waiting(1)
        await followed.replace(2)
        await reported(followed, ProgressReport({0: 2}, 0))
        assert not waiting.done()
        await followed.commit(5)
        await waiting

    async def test_a_wait_requests_a_flush_and_what_is_reached_requests_none(self, followed: FollowedModels) -> None:
        await followed.commit(5)
        await reported(followed, ProgressReport({0: 5}, 0))
        await followed.progress.wait_until({0: 5}, LONG_S)
        assert await followed.flush_requests() == 0
        waiting = asyncio.create_task(followed.progress.wait_until({0: 6}, LONG_S))
        assert await followed.flush_requests(at_least=1) == 1
        await followed.commit(6)
        await waiting
