"""Events that were first elsewhere: each counts once, with the time and the actor that it had there."""

import uuid
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import orjson
import pytest

from ingest.admission.lookups import Lookup
from ingest.imports.decisions import decide
from schemas import codec
from schemas.envelope import Actor, EventData, Position, RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.events import ExperimentCreated, Origin, RunCreated, TraceStarted
from schemas.messages.experiments import DeleteExperiment
from schemas.messages.imports import ImportedActor, ImportedEvent, ImportEvents
from schemas.messages.runs import CreateRun
from tests.unit.ingest.doubles import ANN, Deployment

RUN: Final = "0" * 32

SPAN_COUNT: Final[Lookup[int]] = Lookup("SELECT span_count FROM traces", itemgetter(0))
POINTS: Final[Lookup[int]] = Lookup("SELECT points FROM latest_metrics WHERE key = $1", itemgetter(0))
CREATION_TIME: Final[Lookup[int]] = Lookup(
    "SELECT creation_time_ms FROM experiments WHERE experiment_id = $1", itemgetter(0)
)


def event(number: int, event_type: str, data: dict[str, Any], version: int = 1, **fields: Any) -> ImportedEvent:
    return ImportedEvent(
        id=str(uuid.UUID(int=number)),
        type=event_type,
        version=version,
        time="2026-11-29T14:45:02.084977Z",
        actor=ImportedActor(user="eve", address="10.0.0.7", user_agent="python"),
        request_id="there",
        data=data,
        **fields,
    )


EXPERIMENT = event(
    1, "experiment.created", {"experiment_id": 7, "name": "train", "artifact_location": "l", "owner": 3}, 3
)
CREATED = event(
    2,
    "run.created",
    {"run_id": RUN, "experiment_id": 7, "name": "n", "user_id": "u", "start_time_ms": 5, "artifact_uri": "a"},
    2,
)
LOGGED = event(3, "run.data-logged", {"run_id": RUN, "params": [{"key": "lr", "value": "1"}]})
CONFLICT = event(4, "run.data-logged", {"run_id": RUN, "params": [{"key": "lr", "value": "2"}]})


IN_IT: Final[dict[str, Any]] = {"experiment_id": 7, "name": "n"}
TRACE: Final[dict[str, Any]] = {"trace_id": "tr-1", "experiment_id": 7, "request_time_ms": 5, "state": "OK"}
SPANS: Final[dict[str, Any]] = {"trace_id": "tr-1", "experiment_id": 7}
SCORER: Final[dict[str, Any]] = {**IN_IT, "scorer_id": "s", "version_id": "v", "serialized_scorer": "{}"}
LONG: Final = '{"a": "%s"}' % ("x" * 10**6)
RESTORED: Final[dict[str, Any]] = {"dataset_id": "d", "name": "d", "created_time_ms": 1}
ASSESSMENT: Final[dict[str, Any]] = {
    "assessment_id": "a-1",
    "name": "good",
    "kind": "feedback",
    "value": "true",
    "create_time_ms": 1,
    "last_update_time_ms": 1,
}


def points(**columns: Any) -> ImportedEvent:
    return event(5, "run.data-logged", {"run_id": RUN, "metrics": [{"key": "m", **columns}]})


async def bring_in(deployment: Deployment, *events: ImportedEvent, again: bool = False) -> Any:
    ingest = deployment.another_process() if again else deployment.ingest
    command = ImportEvents(source="a laptop", events=list(events))
    return orjson.loads(await ingest.imports.bring_in(command, None, ANN, "here"))


async def in_the_log(deployment: Deployment) -> list[RecordedEvent]:
    return await deployment.log.read(0, 0, limit=100)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


async def test_an_event_keeps_its_id_time_and_actor_and_says_who_brought_it(deployment: Deployment) -> None:
    assert await bring_in(deployment, EXPERIMENT, CREATED) == {
        "appended": 2,
        "there": 0,
        "there_ids": [],
        "refused": [],
        "versions": {},
    }
    first, second = await in_the_log(deployment)
    assert (first.id, first.time_us) == (uuid.UUID(int=1).bytes, 1_795_963_502_084_977)
    assert first.actor == Actor("eve", "10.0.0.7", "python")
    created = codec.decode(first)
    assert isinstance(created, ExperimentCreated)
    assert created.origin == codec.decode(second).origin == Origin("a laptop", "ann")
    assert created.owner is None


async def test_an_event_that_is_there_is_not_appended_again_and_is_reported_as_before(deployment: Deployment) -> None:
    first = await bring_in(deployment, EXPERIMENT, CREATED, LOGGED, CONFLICT)
    [refused] = first["refused"]
    assert refused["id"] == CONFLICT.id
    again = await bring_in(deployment, CREATED, LOGGED, CONFLICT, again=True)
    ids = [one.id for one in (CREATED, LOGGED, CONFLICT)]
    assert again == {"appended": 0, "there": 3, "there_ids": ids, "refused": [refused], "versions": {}}
    assert len(await in_the_log(deployment)) == 4


async def test_of_a_request_that_is_new_in_part_the_answer_says_which_events_were_there(deployment: Deployment) -> None:
    await bring_in(deployment, EXPERIMENT, CREATED)
    answer = await bring_in(deployment, CREATED, LOGGED)
    assert (answer["appended"], answer["there"], answer["there_ids"]) == (1, 1, [CREATED.id])


async def test_of_two_who_bring_an_event_at_once_the_fold_takes_one(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring_in(deployment, EXPERIMENT, CREATED)
    series = {"key": "loss", "value": [0.5], "timestamp_ms": [1], "step": [0]}
    logged = event(9, "run.data-logged", {"run_id": RUN, "metrics": [series]})
    append = deployment.log.append

    async def append_second(events: Sequence[EventData]) -> list[Position]:
        await append(decide(ImportEvents(source="another", events=[logged]), "bob", 10**16))
        return await append(events)

    monkeypatch.setattr(deployment.log, "append", append_second)
    answer = await bring_in(deployment, logged)
    assert (answer["appended"], answer["there"]) == (0, 1)
    assert await deployment.projection.one(POINTS, "loss") == 1


async def test_a_run_that_comes_into_a_deleted_experiment_is_deleted_with_it(deployment: Deployment) -> None:
    await bring_in(deployment, EXPERIMENT)
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id="7"), ANN, "q")
    await bring_in(deployment, CREATED)
    created = codec.decode((await in_the_log(deployment))[-1])
    assert isinstance(created, RunCreated)
    assert created.experiment_revision == 0


async def test_artifacts_lie_where_this_server_keeps_them_if_the_event_leaves_it_open(deployment: Deployment) -> None:
    fields = {**(CREATED.data or {}), "artifact_uri": ""}
    in_default = event(8, "experiment.created", {"experiment_id": 8, "name": "other", "artifact_location": ""}, 3)
    model = event(
        9, "logged-model.created", {"model_id": "m-1", "experiment_id": 8, "name": "m", "artifact_location": ""}
    )
    await bring_in(deployment, EXPERIMENT)
    await bring_in(deployment, in_default, event(2, "run.created", fields, 2), model)
    _, *found = [codec.decode(one) for one in await in_the_log(deployment)]
    assert [getattr(one, "artifact_location", None) or getattr(one, "artifact_uri", None) for one in found] == [
        "mlflow-artifacts:/8",
        f"l/{RUN}/artifacts",
        "mlflow-artifacts:/8/models/m-1/artifacts",
    ]


async def test_what_is_brought_in_takes_writes(deployment: Deployment) -> None:
    await bring_in(deployment, EXPERIMENT)
    assert await deployment.ingest.runs.create(CreateRun(experiment_id="7"), ANN, "q")


@pytest.mark.parametrize(
    "wrong",
    [
        event(5, "user.created", {"username": "eve", "user_id": 1}),
        event(5, "webhook.deleted", {"webhook_id": "w"}),
        event(5, "artifact.uploaded", {"path": "7/r/artifacts/f", "size": 1, "etag": "e"}),
        event(5, "experiment.owner-removed", {"experiment_id": 7}),
        event(5, "experiment.acknowledged", {"experiment_id": 7}),
        event(5, "run.exploded", {}),
        event(5, "run.updated", {"run_id": RUN}, 99),
        event(5, "run.updated", {"run_id": 7}),
        event(5, "run.updated", {"run_id": "../x"}),
        event(5, "run.tag-deleted", {"run_id": RUN, "key": "k" * 501}),
        points(value=[1], timestamp_ms=[], step=[]),
        points(value=["x"], timestamp_ms=[1], step=[1]),
        points(value=[1], timestamp_ms=[2**63], step=[1]),
        event(5, "run.model-logged", {"run_id": RUN, "model_json": "[]"}),
        event(5, "run.tag-deleted", {"run_id": "f" * 32, "key": "k"}),
        event(5, "logged-model.finalized", {"model_id": "m-1", "status": 9}),
        event(3, "run.tag-deleted", {"run_id": RUN, "key": "k"}),
        event(5, "run.erased", {"run_id": RUN, "experiment_id": 7, "erasure": {"reason": "r", "streams": []}}),
        event(5, "trace.started", {**TRACE, "trace_id": "../x"}),
        event(5, "trace.started", {**TRACE, "experiment_id": 8}),
        event(5, "trace.started", {**TRACE, "state": "GOOD"}),
        event(5, "trace.started", {**TRACE, "tags": {"k" * 251: "v"}}),
        event(5, "trace.started", {**TRACE, "assessments": [{**ASSESSMENT, "value": "no JSON"}]}),
        event(5, "trace.assessment-created", {"trace_id": "tr-1", "assessment": ASSESSMENT}),
        event(5, "trace.spans-logged", {"trace_id": "tr-1", "experiment_id": 7, "spans": [{"span_id": "1"}]}),
        event(5, "trace.spans-logged", {**SPANS, "spans": [{"span_id": "0" * 16, "resource": 1}]}),
        event(5, "trace.spans-logged", {**SPANS, "spans": [{"span_id": "0" * 16, "end_ns": -1}]}),
        event(5, "trace.spans-logged", {**SPANS, "spans": [{"span_id": "0" * 16, "kind": 9}]}),
        event(5, "scorer.registered", {**SCORER, "experiment_id": 8}),
        event(5, "scorer.deleted", {"experiment_id": 7, "name": "s"}),
        event(5, "evaluation-dataset.created", {"dataset_id": "d", "name": "d", "experiment_ids": [8]}),
        event(5, "evaluation-dataset.tag-deleted", {"dataset_id": "d", "key": "k"}),
        event(5, "evaluation-dataset.restored", {**RESTORED, "experiment_ids": [8]}),
        event(5, "evaluation-dataset.records-set", {"dataset_id": "d", "records": []}),
        event(5, "issue.created", {**IN_IT, "issue_id": "i", "description": "d", "status": "odd"}),
        event(5, "issue.updated", {"issue_id": "i", "name": "n"}),
        event(5, "label-schema.created", {**IN_IT, "schema_id": "l", "type": "FEEDBACK", "input": "[]"}),
        event(5, "label-schema.created", {**IN_IT, "schema_id": "l" * 251, "type": "FEEDBACK", "input": "{}"}),
        event(5, "label-schema.deleted", {"schema_id": "l"}),
        event(5, "review-queue.created", {**IN_IT, "queue_id": "q", "queue_type": "odd"}),
        event(5, "review-queue.deleted", {"queue_id": "q"}),
    ],
    ids=lambda one: str(one.type),
)
async def test_of_a_request_with_an_event_that_is_wrong_nothing_is_taken(
    deployment: Deployment, wrong: ImportedEvent
) -> None:
    with pytest.raises(InvalidParameterValue):
        await bring_in(deployment, EXPERIMENT, CREATED, LOGGED, wrong)
    assert not await in_the_log(deployment)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("inputs", "[]"),
        ("outputs", "no JSON"),
        ("expectations", "1"),
        ("tags", "[]"),
        ("inputs", f'{{"a":"{"x" * 10**6}"}}'),
    ],
)
async def test_records_that_are_set_are_json_and_not_too_long(deployment: Deployment, part: str, text: str) -> None:
    record = {"record_id": "dr-1", "inputs": "{}", "created_time_ms": 1, "last_update_time_ms": 1}
    dataset = event(5, "evaluation-dataset.restored", RESTORED)
    of_it = event(6, "evaluation-dataset.records-set", {"dataset_id": "d", "records": [{**record, part: text}]})
    with pytest.raises(InvalidParameterValue):
        await bring_in(deployment, EXPERIMENT, dataset, of_it)
    right = event(6, "evaluation-dataset.records-set", {"dataset_id": "d", "records": [record]})
    assert (await bring_in(deployment, EXPERIMENT, dataset, right))["refused"] == []


@pytest.mark.parametrize(
    "restored",
    [
        {"type": "registered-model.restored", "creation_time_ms": 1, "last_version": 9},
        {"type": "model-version.restored", "creation_time_ms": 1, "version": 1, "version_id": "v", "stage": "None"},
    ],
    ids=itemgetter("type"),
)
async def test_what_only_an_undo_says_is_not_taken(deployment: Deployment, restored: dict[str, Any]) -> None:
    """A version that is brought in so could say of any file that it is its own."""
    model = {"name": "m", "registered_model_id": "r"}
    files = {"source": "file:///etc", "storage_location": "file:///etc"}
    data = {**model, **files, **restored}
    with pytest.raises(InvalidParameterValue, match="restored is not taken from elsewhere"):
        await bring_in(deployment, event(4, "registered-model.created", model), event(5, data.pop("type"), data))
    assert not await in_the_log(deployment)


@pytest.mark.parametrize(
    ("field", "value"), [("id", "1"), ("time", "2026-11-29T14:45:02"), ("time", "1969-12-31T00:00Z"), ("time", "")]
)
async def test_ids_are_uuids_and_times_have_a_zone(deployment: Deployment, field: str, value: str) -> None:
    wrong = event(5, "run.tag-deleted", {"run_id": RUN, "key": "k"})
    setattr(wrong, field, value)
    with pytest.raises(InvalidParameterValue):
        await bring_in(deployment, EXPERIMENT, CREATED, wrong)


async def test_an_experiment_that_two_bring_is_as_old_as_the_older_says(deployment: Deployment) -> None:
    older = event(6, "experiment.created", EXPERIMENT.data or {}, 3)
    older.time = "2026-11-01T00:00:00Z"
    assert (await bring_in(deployment, EXPERIMENT, older))["refused"] == []
    assert await deployment.projection.one(CREATION_TIME, 7) == 1_793_491_200_000


async def test_a_trace_comes_in_what_is_said_of_it_too_and_its_location_is_the_servers(deployment: Deployment) -> None:
    answer = await bring_in(
        deployment,
        EXPERIMENT,
        event(5, "trace.started", {**TRACE, "tags": {"mlflow.artifactLocation": "s3://theirs", "t": "v"}}),
        event(6, "trace.spans-logged", {**SPANS, "spans": [{"span_id": "0" * 15 + "1", "attributes": {"n": 2**70}}]}),
        event(7, "trace.assessment-created", {"trace_id": "tr-1", "assessment": ASSESSMENT}),
        event(8, "scorer.registered", SCORER),
        event(9, "evaluation-dataset.created", {"dataset_id": "d", "name": "d", "experiment_ids": [7]}),
        event(10, "evaluation-dataset.records-upserted", {"dataset_id": "d", "records": [{"inputs": '{"q": NaN}'}]}),
        event(11, "issue.created", {**IN_IT, "issue_id": "i", "description": "d", "source_run_id": RUN}),
        event(12, "label-schema.created", {**IN_IT, "schema_id": "l", "type": "FEEDBACK", "input": "{}"}),
        event(13, "review-queue.created", {**IN_IT, "queue_id": "q", "queue_type": "CUSTOM", "schema_ids": ["l"]}),
        event(14, "review-queue.items-added", {"queue_id": "q", "item_ids": ["tr-1"]}),
        event(15, "review-queue.item-status-set", {"queue_id": "q", "item_id": "tr-1", "status": "DECLINED"}),
    )
    assert answer == {"appended": 12, "there": 0, "there_ids": [], "refused": [], "versions": {}}
    started = codec.decode((await in_the_log(deployment))[1])
    assert isinstance(started, TraceStarted)
    assert started.tags == {"t": "v"}
    assert await deployment.projection.one(SPAN_COUNT) == 1
