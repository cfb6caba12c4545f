"""What the log writer appends, what it waits for, and what it makes of the cache."""

import asyncio
from collections.abc import Sequence

import pytest

from event_log.port import OutcomeUnknown
from ingest.log_writer import LogWriter, WriteObserver, in_the_log
from ingest.runs.lookups import RUNS
from read_model.progress import EventInLog, ProjectionBehind
from schemas.envelope import EventData, Position
from schemas.errors import BadRequest, ResourceAlreadyExists, TemporarilyUnavailable
from schemas.events import ExperimentCreated, RunCreated, RunDeleted
from tests.unit.ingest.doubles import ANN, Deployment

EXPERIMENT = ExperimentCreated(experiment_id=1, name="e", artifact_location="a")
RUN = RunCreated(run_id="r", experiment_id=1, name="n", user_id="", start_time_ms=0, artifact_uri="a")
DELETED = RunDeleted(run_id="r")


class Counts(WriteObserver):
    """Notes what it is called with."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def appended(self, events: int) -> None:
        self.calls.append(events)

    def decided(self, seconds: float, *, refused: bool) -> None:
        self.calls.append(refused)


@pytest.fixture
async def deployment() -> Deployment:
    """A log with a run in an experiment."""
    deployment = Deployment()
    await deployment.append(EXPERIMENT)
    await deployment.append(RUN)
    return deployment


def writer_of(deployment: Deployment, observer: WriteObserver | None = None) -> LogWriter:
    arguments = () if observer is None else (observer,)
    return LogWriter(deployment.log, deployment.projection, deployment.ingest.known, deployment.clock, *arguments)


async def test_what_is_appended_is_durable_and_what_is_waited_for_is_decided(deployment: Deployment) -> None:
    counts = Counts()
    writer = writer_of(deployment, counts)
    await writer.append(DELETED, ANN, "q")
    assert counts.calls == [1]
    with pytest.raises(ResourceAlreadyExists):
        await writer.append_and_wait(ExperimentCreated(experiment_id=2, name="e", artifact_location="a"), ANN, "q")
    await writer.append_and_wait(DELETED, ANN, "q")
    assert counts.calls == [1, 1, True, 1, False]


async def test_nothing_is_appended_for_a_verdict_that_cannot_be_received(deployment: Deployment) -> None:
    deployment.projection.is_away = True
    with pytest.raises(TemporarilyUnavailable):
        await writer_of(deployment).append_and_wait(DELETED, ANN, "q")
    assert await deployment.count() == 2


async def test_after_a_change_the_entity_is_looked_up_again(deployment: Deployment) -> None:
    known = deployment.ingest.known
    assert (await known.existing(RUNS, "r")).active
    await writer_of(deployment).append_change(RUNS, "r", DELETED, ANN, "q")
    assert not (await known.existing(RUNS, "r")).active


async def test_after_a_change_of_unknown_outcome_a_lookup_waits_for_the_projection(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = deployment.ingest.known
    append = deployment.log.append
    assert (await known.existing(RUNS, "r")).active

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    monkeypatch.setattr(deployment.log, "append", append_and_fall_silent)
    with pytest.raises(OutcomeUnknown):
        await writer_of(deployment).append_change(RUNS, "r", DELETED, ANN, "q")
    assert not (await known.existing(RUNS, "r")).active


async def test_a_change_whose_caller_is_cancelled_is_carried_out_and_counts(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = deployment.ingest.known
    append, begun, may_append = deployment.log.append, asyncio.Event(), asyncio.Event()
    assert (await known.existing(RUNS, "r")).active

    async def slow_append(events: Sequence[EventData]) -> list[Position]:
        begun.set()
        await may_append.wait()
        return await append(events)

    monkeypatch.setattr(deployment.log, "append", slow_append)
    writer = writer_of(deployment)
    change = asyncio.create_task(writer.append_change(RUNS, "r", DELETED, ANN, "q"))
    await begun.wait()
    change.cancel()
    with pytest.raises(asyncio.CancelledError):
        await change
    assert (await known.existing(RUNS, "r")).active
    may_append.set()
    await asyncio.gather(*writer._under_way)
    assert not (await known.existing(RUNS, "r")).active


def test_what_would_say_that_nothing_was_done_says_that_the_event_is_in_the_log() -> None:
    with pytest.raises(EventInLog, match="slow"), in_the_log():
        raise ProjectionBehind("slow")
    with pytest.raises(BadRequest), in_the_log():
        raise BadRequest("no")
