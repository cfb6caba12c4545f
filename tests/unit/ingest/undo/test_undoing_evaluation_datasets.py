"""Tags, experiments and records of an evaluation dataset are as before, and the dataset itself that was deleted."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from ingest.undo import commands, evaluation_datasets
from ingest.undo.commands import ALREADY_SO, NOTHING_TO_UNDO
from ingest.undo.trace import Change
from schemas.errors import InvalidParameterValue, ResourceConflict
from schemas.events import (
    Erasure,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetRecordsDeleted,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentErased,
    Tag,
)
from schemas.fields.field import Held
from schemas.levels import Level
from schemas.messages.evaluation_datasets import (
    AddDatasetToExperiments,
    DeleteDatasetRecords,
    DeleteEvaluationDataset,
    RemoveDatasetFromExperiments,
    SetEvaluationDatasetTags,
    UpsertDatasetRecords,
)
from schemas.messages.message import Message
from schemas.messages.undo import PlanUndo
from schemas.rest.access import Asking, On, Rule
from schemas.sight import Sight
from tests.unit.ingest.doubles import ANN
from tests.unit.ingest.undo.session import Rows, Session
from tests.unit.ingest.undo.test_undo import fields, reasons

D = "d-1"
PARTS = ("experiments", "records", "tags")


@pytest.fixture
async def session() -> Session:
    session = Session()
    await session.ingest.ensure_default_experiment()
    await session.deployment.append(
        EvaluationDatasetCreated(
            dataset_id=D, name="d", experiment_ids=[0], tags=[Tag("t", "1"), Tag("mlflow.user", "ann")]
        )
    )
    return session


async def put(session: Session, request_id: str, *records: dict[str, Any]) -> None:
    upserting = UpsertDatasetRecords(dataset_id=D, records=json.dumps(records))
    await session.do(session.ingest.evaluation_datasets.upsert_records(upserting, ANN, request_id))


async def set_tag(session: Session, value: str, request_id: str) -> None:
    tagging = SetEvaluationDatasetTags(dataset_id=D, tags=json.dumps({"t": value}))
    await session.do(session.ingest.evaluation_datasets.set_tags(tagging, ANN, request_id))


async def delete(session: Session, request_id: str) -> None:
    deleting = DeleteEvaluationDataset(dataset_id=D)
    await session.do(session.ingest.evaluation_datasets.delete(deleting, ANN, request_id))


async def move(session: Session, request_id: str, *, to: str = "", out_of: str = "") -> None:
    datasets = session.ingest.evaluation_datasets
    if to:
        await session.do(
            datasets.add_experiments(AddDatasetToExperiments(dataset_id=D, experiment_ids=[to]), ANN, request_id)
        )
    if out_of:
        leaving = RemoveDatasetFromExperiments(dataset_id=D, experiment_ids=[out_of])
        await session.do(datasets.remove_experiments(leaving, ANN, request_id))


def types(answer: Any) -> list[str]:
    return [one["type"].removeprefix("evaluation-dataset.") for one in answer["undone"]]


def of_dataset(rows: Rows) -> Rows:
    return {name: rows[name] for name in ("evaluation datasets", *(f"dataset {one}" for one in PARTS))}


async def deleted_streams(session: Session) -> list[tuple[Any, ...]]:
    await session.ingest.known.catch_up()
    with closing(sqlite3.connect(session.deployment.projection.file)) as connection:
        return list(connection.execute("SELECT stream, experiment_id FROM deleted_streams"))


async def test_a_tag_is_as_before_and_not_over_what_is_later(session: Session) -> None:
    await set_tag(session, "2", "slip")
    plan = await session.plan(request_id="slip")
    assert fields(plan) == [("tags.t", "2", "1")]
    await set_tag(session, "3", "later")
    with pytest.raises(ResourceConflict):
        await session.undo(digest=plan["digest"], request_id="slip")
    await session.undo(request_id="slip", over_later=True)
    assert (D, "t", "1") in (await session.rows())["dataset tags"]


async def test_records_are_as_before_whatever_was_merged_into_them(session: Session) -> None:
    first = {"inputs": {"q": 1}, "outputs": "a", "expectations": {"e": 1}, "tags": {"mlflow.user": "ann"}}
    await put(session, "kept", first)
    before = await session.rows()
    await put(session, "slip", {"inputs": {"q": 1}, "outputs": "b", "expectations": {"f": 2}}, {"inputs": {"q": 2}})
    slipped = await session.rows()
    plan = await session.plan(request_id="slip")
    assert {(one["from"] is None, one["to"] is None) for one in plan["changes"]} == {(False, False), (False, True)}
    assert json.loads(next(one["to"] for one in plan["changes"] if one["to"]))["outputs"] == '"a"'
    answer = await session.undo("u", request_id="slip")
    assert types(answer) == ["records-deleted", "records-set"]
    assert await session.rows() == before
    await session.undo("back", request_id="u")
    assert await session.rows() == slipped
    await session.undo("and back", request_id="back")
    assert await session.rows() == before


async def test_records_that_were_deleted_are_there_again_with_their_ids(session: Session) -> None:
    await put(session, "kept", {"inputs": {"q": 1}}, {"inputs": {"q": 2}})
    before = await session.rows()
    ids = [row[1] for row in before["dataset records"]]
    deleting = DeleteDatasetRecords(dataset_id=D, dataset_record_ids=ids)
    await session.do(session.ingest.evaluation_datasets.delete_records(deleting, ANN, "slip"))
    await session.undo("u", request_id="slip")
    assert await session.rows() == before
    await session.undo("back", request_id="u")
    assert (await session.rows())["dataset records"] == set()


async def test_a_record_that_was_made_anew_gives_way_to_the_one_before_it(session: Session) -> None:
    await put(session, "kept", {"inputs": {"q": 1}})
    before = await session.rows()
    [old] = [row[1] for row in before["dataset records"]]
    deleting = DeleteDatasetRecords(dataset_id=D, dataset_record_ids=[old])
    await session.do(session.ingest.evaluation_datasets.delete_records(deleting, ANN, "slip"))
    await put(session, "anew", {"inputs": {"q": 1}, "outputs": 1})
    assert reasons(await session.plan(request_id="slip"))[0].startswith("It was changed again later")
    anew = await session.rows()
    await session.undo("u", request_id="slip", over_later=True)
    assert await session.rows() == before
    await session.undo("back", request_id="u")
    assert await session.rows() == anew


async def test_experiments_are_as_before(session: Session) -> None:
    await session.deployment.append(ExperimentCreated(experiment_id=1, name="e", artifact_location="x"))
    before = await session.rows()
    await move(session, "slip", to="1", out_of="0")
    slipped = await session.rows()
    assert fields(await session.plan(request_id="slip")) == [("experiments.0", None, 1), ("experiments.1", 1, None)]
    await session.undo("u", request_id="slip")
    assert await session.rows() == before
    await session.undo("back", request_id="u")
    assert await session.rows() == slipped
    await move(session, "again", to="1")
    assert reasons(await session.plan(request_id="again")) == [ALREADY_SO]


async def test_a_dataset_does_not_come_back_to_an_experiment_that_was_erased(session: Session) -> None:
    await session.deployment.append(ExperimentCreated(experiment_id=1, name="e", artifact_location="x"))
    await move(session, "kept", to="1")
    await move(session, "slip", out_of="1")
    await session.deployment.append(ExperimentDeleted(experiment_id=1))
    await session.deployment.append(ExperimentErased(experiment_id=1, erasure=Erasure("r", ["experiment/1"])))
    plan = await session.plan(request_id="slip")
    assert (plan["changes"], reasons(plan)) == ([], ["The experiment 1 was erased."])


async def test_a_dataset_that_was_deleted_is_there_again_with_all_it_had(session: Session) -> None:
    await put(session, "kept", {"inputs": {"q": 1}}, {"inputs": {"q": 2}, "outputs": [1]})
    before = of_dataset(await session.rows())
    await set_tag(session, "2", "slip")
    await delete(session, "slip")
    assert set().union(*of_dataset(await session.rows()).values()) == set()
    assert await deleted_streams(session) == [(f"evaluation-dataset/{D}", 0)]
    answer = await session.undo("u", request_id="slip")
    assert types(answer) == ["restored", "records-set"]
    assert of_dataset(await session.rows()) == before
    assert await deleted_streams(session) == []
    answer = await session.undo("back", request_id="u")
    assert types(answer) == ["records-deleted", "deleted"]
    assert set().union(*of_dataset(await session.rows()).values()) == set()
    assert await deleted_streams(session) == [(f"evaluation-dataset/{D}", 0)]
    await session.undo("and back", request_id="back")
    assert {row[2] for row in (await session.rows())["dataset tags"]} == {"ann", "1"}


async def test_a_dataset_without_records_is_deleted_and_restored_too(session: Session) -> None:
    before = of_dataset(await session.rows())
    await delete(session, "slip")
    await session.undo("u", request_id="slip")
    assert of_dataset(await session.rows()) == before
    assert types(await session.undo("back", request_id="u")) == ["deleted"]


async def test_what_was_restored_is_not_deleted_again_with_what_is_newer(session: Session) -> None:
    await delete(session, "slip")
    await session.undo("u", request_id="slip")
    await put(session, "later", {"inputs": {"q": 1}})
    plan = await session.plan(request_id="u")
    assert plan["changes"] == []
    assert set(reasons(plan)) == {"It was changed since it was restored, and undoing would delete that too."}


async def test_what_happened_to_a_deleted_dataset_alone_is_not_undone(session: Session) -> None:
    await put(session, "slip", {"inputs": {"q": 1}})
    await delete(session, "delete")
    plan = await session.plan(request_id="slip", over_later=True)
    assert (plan["changes"], reasons(plan)) == ([], [ALREADY_SO])
    await session.undo("u", request_id="delete")
    await set_tag(session, "2", "slip of a tag")
    await delete(session, "again")
    plan = await session.plan(request_id="slip of a tag", over_later=True)
    assert (plan["changes"], reasons(plan)) == ([], ["The evaluation dataset is deleted."])
    plan = await session.plan(request_id="delete")
    assert plan["changes"] == []
    assert all(one.startswith("It was changed again later") for one in reasons(plan))


async def test_what_was_written_in_the_moment_of_an_undo_stays(session: Session) -> None:
    """Whatever the order of the log: each event of an undo is refused where something else is there than it found."""
    await put(session, "kept", {"inputs": {"q": 1}})
    await put(session, "slip", {"inputs": {"q": 1}, "outputs": 2}, {"inputs": {"q": 2}})
    await move(session, "slip", out_of="0")
    await session.undo("u", request_id="slip")
    undone = [one for one in await session.deployment.events() if one.undo is not None]
    await put(session, "later", {"inputs": {"q": 1}, "outputs": 3})
    held = await session.rows()
    for event in undone:
        await session.deployment.append(event)
    assert await session.rows() == held
    await delete(session, "gone")
    await session.undo("back", request_id="gone")
    there = await session.rows()
    for event in [one for one in await session.deployment.events() if one.undo is not None][-2:]:
        await session.deployment.append(event)
    assert await session.rows() == there
    plan = await session.plan(request_id="back")
    await session.undo("gone again", plan["digest"], request_id="back")
    deleted = [one for one in await session.deployment.events() if isinstance(one, EvaluationDatasetDeleted)][-1]
    await session.undo("and back", request_id="gone again")
    await session.deployment.append(deleted)
    assert (await session.rows())["dataset records"] == there["dataset records"], "it still has records"


async def test_many_records_are_several_events(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_datasets, "MAX_RECORDS_OF_AN_EVENT", 2)
    monkeypatch.setattr(evaluation_datasets, "_MAX_EVENT_CHARACTERS", 40)
    monkeypatch.setattr(commands, "MAX_CHANGES", 5)
    await put(session, "kept", *({"inputs": {"q": number}, "outputs": "x" * 12} for number in range(5)))
    before = await session.rows()
    await put(session, "slip", *({"inputs": {"q": number}, "outputs": "y"} for number in range(5)))
    assert types(await session.undo("u", request_id="slip")) == 5 * ["records-set"], "each is too long for two"
    assert await session.rows() == before
    await delete(session, "delete")
    await session.undo("back", request_id="delete")
    assert types(await session.undo("gone", request_id="back")) == [*(3 * ["records-deleted"]), "deleted"]


async def test_what_holds_too_much_is_not_undone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(session, "slip", {"inputs": {"q": "x" * 1000}})
    monkeypatch.setattr(commands, "MAX_CHARACTERS", 1000)
    with pytest.raises(InvalidParameterValue, match="characters in what changes; undo them in parts"):
        await session.plan(request_id="slip")
    await set_tag(session, "2", "other")
    monkeypatch.setattr(commands, "MAX_HELD_CHARACTERS", 1000)
    with pytest.raises(InvalidParameterValue, match="has more than 1000 characters, which is too much to undo any"):
        await session.plan(request_id="other")


async def test_of_records_that_are_not_there_nothing_is_undone_and_what_was_erased_is_not_either(
    session: Session,
) -> None:
    await session.deployment.append(EvaluationDatasetRecordsDeleted(dataset_id=D, record_ids=["none"]))
    plan = await session.plan(stream=f"evaluation-dataset/{D}", to="0")
    assert reasons(plan)[0].startswith("An evaluation dataset that was created is not undone")
    assert reasons(plan)[1:] == [NOTHING_TO_UNDO]
    erasure = Erasure("r", [f"evaluation-dataset/{D}"])
    await session.deployment.append(EvaluationDatasetErased(dataset_id=D, erasure=erasure))
    plan = await session.plan(stream=f"evaluation-dataset/{D}", to="0")
    assert "What was erased does not come back." in reasons(plan)


async def test_each_change_is_judged_by_what_makes_it_forwards(session: Session) -> None:
    asked: set[tuple[str, ...]] = set()

    class OfEverything(Asking):
        async def allow(self, message: Message) -> None: ...
        async def allow_keys(self, *keys: str) -> None: ...
        async def sight(self, level: Level = Level.READ) -> Sight:
            return Sight(1, (), {})

        async def allow_by(self, rule: Rule, message: Message) -> None:
            parts = [part for part in rule if isinstance(part, On)]
            asked.add(tuple(f"{part.level.name} {part.type} {' '.join(part.keys(message))}" for part in parts))

    await set_tag(session, "2", "slip")
    await put(session, "slip", {"inputs": {"q": 1}})
    await move(session, "slip", out_of="0")
    await session.ingest.undo.plan(PlanUndo(request_id="slip"), OfEverything())
    edit = f"EDIT evaluation_dataset {D}"
    assert asked == {(edit,), (edit, "EDIT experiment 0")}
    await delete(session, "gone")
    await session.undo("back", request_id="gone")
    await session.ingest.undo.plan(PlanUndo(request_id="back"), OfEverything())
    assert (f"MANAGE evaluation_dataset {D}",) in asked


async def test_what_concerns_a_whole_dataset_is_asked_once_however_many_records_it_has(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(session, "put", *({"inputs": {"q": number}} for number in range(20)))
    await delete(session, "delete")
    asked: list[int] = []
    undoing = commands.UNDOINGS["evaluation-dataset"]

    def counted(held: Held, changes: Sequence[Change]) -> str | None:
        asked.append(len(changes))
        return undoing.hindrance_of_all(held, changes)

    monkeypatch.setitem(commands.UNDOINGS, "evaluation-dataset", replace(undoing, hindrance_of_all=counted))
    plan = await session.plan(request_id="delete")
    assert asked == [len(plan["changes"])]
    assert asked[0] > 20
