"""A create that was not answered is answered when its client repeats it, and no other is."""

from collections.abc import Sequence

import orjson
import pytest

from event_log.port import OutcomeUnknown
from ingest.experiments.decisions import REPEAT_WITHIN_MS
from ingest.experiments.lookups import EXPERIMENT_NAMED
from ingest.service import IngestService
from read_model.progress import EventInLog
from schemas.envelope import Actor, EventData, Position
from schemas.errors import ResourceAlreadyExists
from schemas.events import ExperimentAcknowledged
from schemas.messages.experiments import CreateExperiment, DeleteExperiment, ExperimentTag
from tests.unit.ingest.doubles import ANN, Deployment

WANTED = CreateExperiment(name="e", tags=[ExperimentTag(key="k", value="v")])


async def create(ingest: IngestService, wanted: CreateExperiment = WANTED, actor: Actor = ANN) -> str:
    answer = await ingest.experiments.create(wanted, actor, "q")
    return str(orjson.loads(answer)["experiment_id"])


@pytest.fixture
async def deployment() -> Deployment:
    deployment = Deployment(shared=True)
    await deployment.ingest.ensure_default_experiment()
    await deployment.ingest.known.catch_up()
    return deployment


async def create_without_answer(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A create that is durable, and of which its process does not know that."""
    append = deployment.log.append

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    with monkeypatch.context() as patched:
        patched.setattr(deployment.log, "append", append_and_fall_silent)
        with pytest.raises(OutcomeUnknown):
            await create(deployment.ingest)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["at the same process", "at another, or after a restart"])
@pytest.mark.parametrize("is_projected", [False, True])
async def test_a_repeat_is_answered_as_the_first(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, elsewhere: bool, is_projected: bool
) -> None:
    await create_without_answer(deployment, monkeypatch)
    ingest = deployment.another_process(shared=True) if elsewhere else deployment.ingest
    if is_projected:
        await ingest.known.catch_up()
    experiment_id = await create(ingest)
    found = await deployment.projection.one(EXPERIMENT_NAMED, "e")
    assert found is not None
    assert experiment_id == str(found.experiment_id)


async def test_a_repeat_is_answered_once(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    await create_without_answer(deployment, monkeypatch)
    await create(deployment.ingest)
    before = await deployment.count()
    for ingest in (deployment.ingest, deployment.another_process(shared=True)):
        with pytest.raises(ResourceAlreadyExists):
            await create(ingest)
    assert await deployment.count() == before


async def test_what_was_answered_is_not_answered_again(deployment: Deployment) -> None:
    await create(deployment.ingest)
    for ingest in (deployment.ingest, deployment.another_process(shared=True)):
        with pytest.raises(ResourceAlreadyExists):
            await create(ingest)


async def test_a_repeat_after_a_late_verdict_is_answered(deployment: Deployment) -> None:
    deployment.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await create(deployment.ingest)
    deployment.projection.is_stuck = False
    await create(deployment.ingest)


@pytest.mark.parametrize(
    ("wanted", "actor"),
    [
        (WANTED, Actor(user="bob")),
        (WANTED, Actor(user="ann", address="192.0.2.1")),
        (WANTED, Actor(user="ann", user_agent="curl")),
        (CreateExperiment(name="e"), ANN),
        (CreateExperiment(name="e", tags=WANTED.tags, artifact_location="mlflow-artifacts:/x"), ANN),
    ],
    ids=["another user", "another address", "another program", "other tags", "another location"],
)
async def test_another_actor_or_other_content_is_refused_because_the_name_is_taken(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, wanted: CreateExperiment, actor: Actor
) -> None:
    await create_without_answer(deployment, monkeypatch)
    with pytest.raises(ResourceAlreadyExists):
        await create(deployment.ingest, wanted, actor)
    await create(deployment.ingest)


async def test_a_repeat_comes_within_a_bound(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    await create_without_answer(deployment, monkeypatch)
    await deployment.ingest.known.catch_up()
    holder = await deployment.projection.one(EXPERIMENT_NAMED, "e")
    assert holder is not None
    now_ms = holder.creation_time_ms + REPEAT_WITHIN_MS + 1
    monkeypatch.setattr(deployment.ingest.experiments, "_time_ns", lambda: now_ms * 1_000_000)
    with pytest.raises(ResourceAlreadyExists):
        await create(deployment.ingest)
    now_ms -= 1
    assert await create(deployment.ingest) == str(holder.experiment_id)


async def test_an_experiment_that_was_deleted_meanwhile_is_not_answered(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_without_answer(deployment, monkeypatch)
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id="1"), ANN, "q")
    with pytest.raises(ResourceAlreadyExists):
        await create(deployment.ingest)


async def test_a_create_whose_client_is_gone_is_not_acknowledged(deployment: Deployment) -> None:
    """The client's connection broke: its repeat is to be answered."""
    await deployment.ingest.experiments.create(WANTED, ANN, "q", is_awaited=lambda: False)
    assert ExperimentAcknowledged(experiment_id=1) not in await deployment.events()
    assert await create(deployment.another_process(shared=True)) == "1"


async def test_a_create_that_holds_is_answered_although_the_outcome_of_its_acknowledgement_is_unknown(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = deployment.log.append

    async def append_no_acknowledgement(events: Sequence[EventData]) -> list[Position]:
        if isinstance(events[0].payload, ExperimentAcknowledged):
            raise OutcomeUnknown("the log stopped answering")
        return await append(events)

    monkeypatch.setattr(deployment.log, "append", append_no_acknowledgement)
    assert await create(deployment.ingest) == "1"
    assert await create(deployment.another_process(shared=True)) == "1", (
        "the same client: it may not have been answered"
    )


async def test_of_two_alike_creates_at_once_one_wins(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looks like a repeat of the first, which is about to be answered."""
    append, answers = deployment.log.append, []

    async def append_after_the_other(events: Sequence[EventData]) -> list[Position]:
        if isinstance(events[0].payload, ExperimentAcknowledged):
            monkeypatch.setattr(deployment.log, "append", append)
            answers.append(await create(deployment.another_process(shared=True)))
        return await append(events)

    monkeypatch.setattr(deployment.log, "append", append_after_the_other)
    with pytest.raises(ResourceAlreadyExists):
        await create(deployment.ingest)
    assert answers == ["1"]
