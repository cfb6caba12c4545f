"""What an event of here is on the server that is pushed to."""

from typing import IO, Any, Final

import orjson
import pytest

from event_log.memory_event_log import MemoryEventLog
from schemas.envelope import Actor, EventClock
from schemas.events import (
    AnyEvent,
    EvaluationDatasetDeleted,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRestored,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    LoggedModelCreated,
    LoggedModelErased,
    LoggedModelVersionRegistered,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    Param,
    PromptVersion,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    RunCreated,
    RunDataLogged,
    RunErased,
    Tag,
    TracePromptsLinked,
    TracePromptsUnlinked,
    TraceStarted,
    Undo,
)
from schemas.events.erasures import Erasure
from tracklog.bringing.requests import Refused
from tracklog.pushing import derived
from tracklog.pushing.central import MLFLOW_2, MLFLOW_3, Central, NotAllowed, Taken
from tracklog.pushing.report import Report
from tracklog.pushing.translation import Translation

ADA: Final = Actor("ada", "10.0.0.7", "python")
ERASURE: Final = Erasure("r", [])
TRAIN: Final = derived.experiment_id("train")


class There:
    """A server of which a test says what it answers; the rest is not there."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {f"{MLFLOW_2}/{path}": answer for path, answer in answers.items()}
        self.tagged: list[dict[str, str]] = []

    def get(self, path: str, **query: str) -> Any:
        asked = " ".join([path, *query.values()])
        answer = self.answers.get(asked, Refused(404, "not there"))
        if isinstance(answer, Refused):
            raise answer
        return answer

    def send(self, method: str, path: str, body: bytes) -> Any:
        assert (method, path) == ("POST", f"{MLFLOW_2}/experiments/search")
        return {"experiments": self.tagged}

    def upload(self, path: str, content: IO[bytes], size: int) -> None:
        raise AssertionError(path)


async def translated(there: There, *payloads: AnyEvent, dry_run: bool = False) -> tuple[list[Any], Report, Translation]:
    """What events come to: type and data of each; a new model or version is taken as the next number."""
    report = Report("here", "there", dry_run)
    translation = Translation(Central(there, "here"), report)
    log, clock = MemoryEventLog(), EventClock(lambda: 10**15)
    await log.append([clock.stamp(payload, ADA, "q") for payload in payloads])
    found = []
    for recorded in await log.read(0, 0, limit=len(payloads)):
        for one in translation.events(recorded):
            document = orjson.loads(one.document)
            found.append((document["type"], document["data"]))
            if recorded.stream.startswith("registered-model/"):
                name = recorded.stream.partition("/")[2]
                versions = {one.id: 10 + len(found)} if document["type"] == "model-version.created" else {}
                translation.models.took(name, one, Taken(1, {}, versions))
    return found, report, translation


def train(experiment_id: int = 1) -> ExperimentCreated:
    return ExperimentCreated(
        experiment_id=experiment_id, name="train", artifact_location="mlflow-artifacts:/1", tags=[Tag("k", "v")]
    )


async def test_an_experiment_is_created_by_its_name_and_follows_its_tags_alone() -> None:
    found, report, _ = await translated(
        There(),
        train(),
        train(2),  # which was refused here: the name was taken
        ExperimentTagSet(experiment_id=1, key="a", value="b"),
        ExperimentTagDeleted(experiment_id=1, key="a"),
        ExperimentRenamed(experiment_id=1, name="tune"),
        ExperimentRenamed(experiment_id=1, name="tune"),  # which was refused, too
        ExperimentDeleted(experiment_id=1),
        ExperimentRestored(experiment_id=1),
        ExperimentTagSet(experiment_id=7, key="of", value="none"),
    )
    assert found == [
        ("experiment.created", {"experiment_id": TRAIN, "name": "train", "artifact_location": ""}),
        ("experiment.tag-set", {"experiment_id": TRAIN, "key": "k", "value": "v"}),
        ("experiment.tag-set", {"experiment_id": TRAIN, "key": "a", "value": "b"}),
        ("experiment.tag-deleted", {"experiment_id": TRAIN, "key": "a"}),
    ]
    assert report.notes == {
        "left": [
            "experiment 'train' is called 'tune' here now; there it keeps its name",
            "experiment 'tune' was deleted here; there it stays as it is",
            "experiment 'tune' was restored here; there it stays as it is",
        ]
    }


async def test_what_an_undo_found_is_not_said_of_what_has_other_names_there() -> None:
    undo = Undo(["01900000-0000-7000-8000-000000000001"], {"experiments.1": 1, "linked_prompts.p/1": 1, "name": "d"})
    found, _, _ = await translated(
        There(),
        train(),
        EvaluationDatasetDeleted(dataset_id="d"),
        EvaluationDatasetDeleted(dataset_id="d", undo=undo),
        EvaluationDatasetExperimentsRemoved(dataset_id="d", experiment_ids=[1], undo=undo),
        TracePromptsUnlinked(trace_id="tr-1", prompts=[PromptVersion("p", 1)], undo=undo),
    )
    kept = {"events": undo.events, "found": {"name": "d"}}
    assert [data.get("undo") for _, data in found[2:]] == [None, kept, kept, kept]


async def test_an_experiment_that_was_pushed_before_is_found_by_its_id_or_by_its_mark() -> None:
    again, report, _ = await translated(There(**{f"experiments/get {TRAIN}": {"experiment": {}}}), train())
    assert [data["experiment_id"] for _, data in again] == [TRAIN, TRAIN]
    there = There()
    there.tagged = [{"experiment_id": "77"}]
    marked, _, _ = await translated(there, train())
    assert marked == [("experiment.tag-set", {"experiment_id": 77, "key": "k", "value": "v"})]
    assert report.notes == {}


@pytest.mark.parametrize(("status", "raised"), [(403, NotAllowed), (500, Refused)])
async def test_an_experiment_that_may_not_be_read_is_not_joined(status: int, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        await translated(There(**{"experiments/get-by-name train": Refused(status, "no")}), train())


async def test_what_is_in_an_experiment_goes_with_it_and_locations_that_a_server_passes_are_left_to_it() -> None:
    proxied, own = "mlflow-artifacts:/1/a", "s3://b/a"
    found, _, translation = await translated(
        There(),
        train(),
        RunCreated(run_id="a", experiment_id=1, name="n", user_id="u", start_time_ms=1, artifact_uri=proxied),
        RunCreated(run_id="b", experiment_id=1, name="n", user_id="u", start_time_ms=1, artifact_uri=own),
        RunCreated(run_id="c", experiment_id=9, name="n", user_id="u", start_time_ms=1, artifact_uri=own),
        LoggedModelCreated(model_id="m-a", experiment_id=1, name="m", artifact_location=proxied),
        LoggedModelCreated(model_id="m-b", experiment_id=9, name="m", artifact_location=own),
        TraceStarted(trace_id="tr-a", experiment_id=9, request_time_ms=1),
        EvaluationDatasetExperimentsAdded(dataset_id="d", experiment_ids=[1, 9]),
        EvaluationDatasetRestored(dataset_id="d", name="d", created_time_ms=1, experiment_ids=[1, 9]),
    )
    assert [(kind, data.get("artifact_uri"), data.get("artifact_location")) for kind, data in found[2:5]] == [
        ("run.created", "", None),
        ("run.created", own, None),
        ("logged-model.created", None, ""),
    ]
    assert {data["experiment_id"] for _, data in found[:5]} == {TRAIN}
    assert found[5:] == [
        ("evaluation-dataset.experiments-added", {"dataset_id": "d", "experiment_ids": [TRAIN]}),
        (
            "evaluation-dataset.restored",
            {"dataset_id": "d", "name": "d", "created_time_ms": 1, "experiment_ids": [TRAIN]},
        ),
    ]
    assert translation.left == {"run/c", "logged-model/m-b", "trace/tr-a"}


async def test_what_was_erased_here_stays_there_and_is_told_of() -> None:
    found, report, _ = await translated(
        There(),
        RunErased(run_id="a", experiment_id=1, erasure=ERASURE),
        LoggedModelErased(model_id="m-a", experiment_id=1, erasure=ERASURE),
    )
    assert found == []
    assert report.notes["left"] == [
        "run/a was erased here; what was pushed of it stays",
        "logged-model/m-a was erased here; what was pushed of it stays",
    ]


async def test_versions_are_called_as_they_are_there_wherever_they_are_named() -> None:
    version = ModelVersionCreated(name="m", version_id="v", source="s3://b", storage_location="s3://b")
    found, report, _ = await translated(
        There(),
        RegisteredModelCreated(name="m", registered_model_id="i"),
        RegisteredModelCreated(name="m", registered_model_id="j"),  # which was refused here
        version,
        RegisteredModelRenamed(name="m", new_name="n"),
        LoggedModelVersionRegistered(model_id="m-a", name="n", version=1),
        LoggedModelVersionRegistered(model_id="m-a", name="n", version=2),
        TracePromptsLinked(trace_id="tr-a", prompts=[PromptVersion("n", 1), PromptVersion("other", 3)]),
        RegisteredModelAliasSet(name="n", alias="a", version=1),
        RegisteredModelAliasSet(name="n", alias="a", version=5),
        ModelVersionTagSet(name="n", version=1, key="k", value="v"),
        ModelVersionTagSet(name="n", version=5, key="k", value="v"),
        RegisteredModelTagSet(name="n", key="k", value="v"),
        RegisteredModelUpdated(name="unknown", description="d"),
    )
    assert found[2:] == [
        ("logged-model.version-registered", {"model_id": "m-a", "name": "m", "version": 12}),
        (
            "trace.prompts-linked",
            {"trace_id": "tr-a", "prompts": [{"name": "m", "version": 12}, {"name": "other", "version": 3}]},
        ),
        ("registered-model.alias-set", {"name": "m", "alias": "a", "version": 12}),
        ("model-version.tag-set", {"name": "m", "version": 12, "key": "k", "value": "v"}),
        ("registered-model.tag-set", {"name": "m", "key": "k", "value": "v"}),
    ]
    assert report.notes == {
        "renumbered": ["version 1 of registered model 'm' is 12 there"],
        "left": ["registered model 'm' is called 'n' here now; there it is 'm'"],
    }


async def test_a_model_that_was_there_gets_versions_and_nothing_else() -> None:
    report = Report("here", "there")
    translation = Translation(Central(There(), "here"), report)
    log, clock = MemoryEventLog(), EventClock(lambda: 10**15)
    payloads: list[AnyEvent] = [
        RegisteredModelCreated(name="m", registered_model_id="i"),
        ModelVersionCreated(name="m", version_id="v", source="s", storage_location="s"),
        ModelVersionTransitioned(name="m", version=1, stage="Production"),
        ModelVersionDeleted(name="m", version=1),
        RegisteredModelUpdated(name="m", description="d"),
        RegisteredModelDeleted(name="m"),
    ]
    await log.append([clock.stamp(payload, ADA, "q") for payload in payloads])
    types = []
    for recorded in await log.read(0, 0, limit=len(payloads)):
        for one in translation.events(recorded):
            assert one.event is not None
            types.append(one.event.event_type)
            refused = {one.id: "It is there."} if len(types) == 1 else {}
            translation.models.took("m", one, Taken(0, refused, {one.id: 1}))
            translation.models.took("another that is deleted by now", one, Taken(0, refused, {}))
    assert types == ["registered-model.created", "model-version.created", "model-version.deleted"]
    assert report.notes == {
        "joined": ["registered model 'm' is there already: versions are added to it"],
        "left": [
            "registered model 'm' has version 1 in stage Production here",
            "registered model 'm' had a change here (registered-model.updated) that is not made there",
            "registered model 'm' was deleted here; there it stays",
        ],
    }


def located(uri: str) -> dict[str, Any]:
    return {"info": {"artifact_uri": uri}}


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("s3://b/m", "s3://b/m"),
        ("mlflow-artifacts:/1/r/artifacts/model", "s3://there/r/model"),
        ("mlflow-artifacts:/1/models/m-a/artifacts/deep/er", "mlflow-artifacts:/9/models/m-a/artifacts/deep/er"),
        ("mlflow-artifacts:/1/gone/artifacts/model", None),
        ("mlflow-artifacts:/1", None),
    ],
)
async def test_the_files_of_a_version_are_where_the_server_has_them(here: str, there: str | None) -> None:
    server = There(
        **{
            "runs/get r": {"run": located("s3://there/r/")},
            "logged-models/m-a": {"model": located("mlflow-artifacts:/9/models/m-a/artifacts")},
        }
    )
    created = RegisteredModelCreated(name="m", registered_model_id="i")
    version = ModelVersionCreated(name="m", version_id="v", source="models:/m-a", storage_location=here)
    found, report, _ = await translated(server, created, version)
    assert (found[1][1]["source"], found[1][1]["storage_location"]) == ("models:/m-a", there or here)
    left = [f"the files of a version of 'm' are not pushed: {here}"]
    assert report.notes.get("left", []) == ([] if there else left)
    dry, report, _ = await translated(server, created, version, dry_run=True)
    assert (dry[1][1]["storage_location"], "left" in report.notes) == (here, False)


async def test_of_data_with_a_conflict_all_but_the_param_is_kept() -> None:
    params = {"params": [{"key": "lr", "value": "1"}, {"key": "same", "value": "s"}]}
    translation = Translation(Central(There(**{"runs/get a": {"run": {"data": params}}}), "here"), Report("h", "t"))
    log, clock = MemoryEventLog(), EventClock(lambda: 10**15)
    logged = RunDataLogged(run_id="a", params=[Param("lr", "2"), Param("same", "s"), Param("new", "n")])
    without = RunDataLogged(run_id="a", tags=[Tag("t", "v")])
    unlike = RunDataLogged(run_id="a", params=[Param("same", "s")])
    await log.append([clock.stamp(payload, ADA, "q") for payload in (logged, without, unlike, train())])
    first, *others = await log.read(0, 0, limit=4)
    kept = translation.without_conflicts(first)
    assert kept is not None
    assert orjson.loads(kept.document)["data"] == {
        "run_id": "a",
        "params": [{"key": "same", "value": "s"}, {"key": "new", "value": "n"}],
        "tags": [{"key": "tracklog.push.conflict.lr", "value": "2"}],
    }
    assert [translation.without_conflicts(one) for one in others] == [None, None, None]


def test_where_traces_keep_artifacts_is_asked_of_the_third_version() -> None:
    there = There()
    there.answers[f"{MLFLOW_3}/traces/tr-a"] = {
        "trace": {"trace_info": {"tags": {"mlflow.artifactLocation": "s3://t"}}}
    }
    central = Central(there, "here")
    assert (central.trace_artifacts("tr-a"), central.trace_artifacts("tr-b")) == ("s3://t", None)
    there.answers[f"{MLFLOW_3}/traces/tr-b"] = Refused(500, "broken")
    with pytest.raises(Refused, match="broken"):
        central.trace_artifacts("tr-b")


def test_of_many_notes_the_first_are_kept_and_the_rest_counted() -> None:
    report = Report("here", "there", dry_run=True, sent=3, artifacts=2)
    for number in range(1002):
        report.note("left", str(number))
    lines = report.lines()
    assert (lines[0], lines[1], lines[-1]) == (
        "3 events would be sent to there, 2 files looked at.",
        "left: 0",
        "2 more are not shown.",
    )
    assert (len(report.document()["notes"]["left"]), report.document()["counts"]) == (1000, {"left": 1002})
