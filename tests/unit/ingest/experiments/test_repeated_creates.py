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
from schemas.messages.experiments import CreateExperiment, DeleteExperiment
from schemas.messages.message import KeyValue
from tests.unit.ingest.doubles import ANN, House

WANTED = CreateExperiment(name="e", tags=[KeyValue(key="k", value="v")])


async def create(ingest: IngestService, wanted: CreateExperiment = WANTED, actor: Actor = ANN) -> str:
    answer = await ingest.experiments.create(wanted, actor, "q")
    return str(orjson.loads(answer)["experiment_id"])


@pytest.fixture
async def house() -> House:
    house = House(shared=True)
    await house.ingest.ensure_default_experiment()
    await house.ingest.known.catch_up()
    return house


async def create_without_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A create that is durable, and of which its process does not know that."""
    append = house.log.append

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    with monkeypatch.context() as patched:
        patched.setattr(house.log, "append", append_and_fall_silent)
        with pytest.raises(OutcomeUnknown):
            await create(house.ingest)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["at the same process", "at another, or after a restart"])
@pytest.mark.parametrize("is_projected", [False, True])
async def test_a_repeat_is_answered_as_the_first(
    house: House, monkeypatch: pytest.MonkeyPatch, elsewhere: bool, is_projected: bool
) -> None:
    await create_without_answer(house, monkeypatch)
    ingest = house.another_process(shared=True) if elsewhere else house.ingest
    if is_projected:
        await ingest.known.catch_up()
    experiment_id = await create(ingest)
    found = await house.projection.one(EXPERIMENT_NAMED, "e")
    assert found is not None
    assert experiment_id == str(found.experiment_id)


async def test_a_repeat_is_answered_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await create_without_answer(house, monkeypatch)
    await create(house.ingest)
    before = await house.count()
    for ingest in (house.ingest, house.another_process(shared=True)):
        with pytest.raises(ResourceAlreadyExists):
            await create(ingest)
    assert await house.count() == before


async def test_what_was_answered_is_not_answered_again(house: House) -> None:
    await create(house.ingest)
    for ingest in (house.ingest, house.another_process(shared=True)):
        with pytest.raises(ResourceAlreadyExists):
            await create(ingest)


async def test_a_repeat_after_a_late_verdict_is_answered(house: House) -> None:
    house.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await create(house.ingest)
    house.projection.is_stuck = False
    await create(house.ingest)


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
async def test_who_is_or_wants_something_else_is_told_that_the_name_is_taken(
    house: House, monkeypatch: pytest.MonkeyPatch, wanted: CreateExperiment, actor: Actor
) -> None:
    await create_without_answer(house, monkeypatch)
    with pytest.raises(ResourceAlreadyExists):
        await create(house.ingest, wanted, actor)
    await create(house.ingest)


async def test_a_repeat_comes_within_a_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await create_without_answer(house, monkeypatch)
    await house.ingest.known.catch_up()
    holder = await house.projection.one(EXPERIMENT_NAMED, "e")
    assert holder is not None
    now_ms = holder.creation_time_ms + REPEAT_WITHIN_MS + 1
    monkeypatch.setattr(house.ingest.experiments, "_time_ns", lambda: now_ms * 1_000_000)
    with pytest.raises(ResourceAlreadyExists):
        await create(house.ingest)
    now_ms -= 1
    assert await create(house.ingest) == str(holder.experiment_id)


async def test_an_experiment_that_was_deleted_meanwhile_is_not_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_without_answer(house, monkeypatch)
    await house.ingest.experiments.delete(DeleteExperiment(experiment_id="1"), ANN, "q")
    with pytest.raises(ResourceAlreadyExists):
        await create(house.ingest)


async def test_what_nobody_waits_for_any_more_is_not_acknowledged(house: House) -> None:
    """The client's connection broke: its repeat is to be answered."""
    await house.ingest.experiments.create(WANTED, ANN, "q", is_awaited=lambda: False)
    assert ExperimentAcknowledged(experiment_id=1) not in await house.events()
    assert await create(house.another_process(shared=True)) == "1"


async def test_a_create_that_holds_is_answered_although_its_acknowledgement_is_doubtful(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = house.log.append

    async def append_no_acknowledgement(events: Sequence[EventData]) -> list[Position]:
        if isinstance(events[0].payload, ExperimentAcknowledged):
            raise OutcomeUnknown("the log stopped answering")
        return await append(events)

    monkeypatch.setattr(house.log, "append", append_no_acknowledgement)
    assert await create(house.ingest) == "1"
    assert await create(house.another_process(shared=True)) == "1", "the same client: it may not have been answered"


async def test_of_two_alike_creates_at_once_one_wins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looks like a repeat of the first, which is about to be answered."""
    append, answers = house.log.append, []

    async def append_after_the_other(events: Sequence[EventData]) -> list[Position]:
        if isinstance(events[0].payload, ExperimentAcknowledged):
            monkeypatch.setattr(house.log, "append", append)
            answers.append(await create(house.another_process(shared=True)))
        return await append(events)

    monkeypatch.setattr(house.log, "append", append_after_the_other)
    with pytest.raises(ResourceAlreadyExists):
        await create(house.ingest)
    assert answers == ["1"]
