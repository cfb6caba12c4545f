"""Rules of what the front knows of its read model, by what its projector child says."""

import asyncio

import pytest

from read_model.child_progress import ChildProgress
from read_model.progress import ProjectionBehind
from read_model.progress_message import Projected
from schemas.envelope import Position
from schemas.errors import TemporarilyUnavailable


def progress_of(end: int) -> ChildProgress:
    return ChildProgress(lambda _offset: None, lambda: end)


def said(generation: str, checkpoint: int) -> Projected:
    return Projected(generation, checkpoint, [], 0)


async def test_a_read_model_that_is_behind_may_be_read_as_it_is() -> None:
    progress = progress_of(10)
    progress.projected(said("first", 10))
    with pytest.raises(ProjectionBehind):
        await progress.wait_until({0: 11}, 0.0)


async def test_one_that_is_folded_anew_is_not_read_until_it_has_what_was_in_the_log() -> None:
    progress = progress_of(10)
    progress.projected(said("first", 10))
    progress.projected(said("second", 0))
    assert progress.checkpoint == 0
    with pytest.raises(TemporarilyUnavailable, match="0 of 10 events are in it"):
        await progress.wait_until({0: 10}, 0.0)
    progress.projected(said("second", 10))
    assert progress.incomplete is None
    await progress.wait_until({0: 10}, 0.0)
    with pytest.raises(ProjectionBehind):
        await progress.wait_until({0: 11}, 0.0)


async def test_whoever_waits_while_another_takes_its_place_waits_for_that_one() -> None:
    progress = progress_of(10)
    progress.projected(said("first", 9))
    waiting = asyncio.create_task(progress.wait_until({0: 10}, 60.0))
    await asyncio.sleep(0)
    progress.projected(said("second", 0))
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.projected(said("second", 10))
    await waiting


async def test_a_verdict_of_a_write_is_waited_for_and_never_given_for_lost() -> None:
    progress = progress_of(10)
    progress.projected(said("second", 0))
    with pytest.raises(ProjectionBehind):
        await progress.verdict(Position(0, 9), 0.0)
