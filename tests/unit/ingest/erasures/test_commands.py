"""What is deleted can be erased, once it was planned; it is carried out afterwards, and again after a crash."""

import re
from typing import Any

import orjson
import pytest

from ingest.admission.lookups import Lookup
from ingest.erasures import commands
from ingest.erasures.lookups import EXPERIMENT, MOST, RUN, TRACE, Candidate
from ingest.erasures.plan import AT_ONCE, age_us, side_by_side
from ingest.traces.lookups import TRACES
from schemas.errors import InvalidParameterValue, ResourceConflict, ResourceDoesNotExist
from schemas.events import (
    ArtifactUploaded,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    ExperimentErased,
    IssueCreated,
    LabelSchemaCreated,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    RunErased,
    ScorerDeleted,
    ScorerRegistered,
    TraceStarted,
)
from schemas.forgotten import is_forgotten
from schemas.messages.erasures import CarryOutErasures, Erase, PlanErasure
from schemas.messages.experiments import CreateExperiment, DeleteExperiment
from schemas.messages.model_versions import CreateModelVersion
from schemas.messages.registered_models import CreateRegisteredModel
from schemas.messages.run_data import LogParam
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun
from tests.unit.ingest.doubles import ANN, Deployment


class Erasing(Deployment):
    async def run(self, experiment_id: str = "0", *, deleted: bool = True) -> str:
        created = orjson.loads(await self.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q"))
        run_id: str = created["run"]["info"]["run_id"]
        await self.ingest.run_data.log_param(LogParam(run_id=run_id, key="k", value="secret"), ANN, "q")
        if deleted:
            await self.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
        return run_id

    async def experiment(self, name: str) -> str:
        created = await self.ingest.experiments.create(CreateExperiment(name=name), ANN, "q")
        experiment_id: str = orjson.loads(created)["experiment_id"]
        return experiment_id

    async def plan(self, **named: Any) -> Any:
        assert self.ingest.erasures is not None
        return orjson.loads(await self.ingest.erasures.plan(PlanErasure(**named)))

    async def erase(self, **named: Any) -> Any:
        assert self.ingest.erasures is not None
        digest = (await self.plan(**named))["digest"]
        command = Erase(digest=digest, reason="asked to", **named)
        return orjson.loads(await self.ingest.erasures.erase(command, ANN, "q"))

    async def state(self) -> Any:
        assert self.ingest.erasures is not None
        return orjson.loads(await self.ingest.erasures.carry_out(CarryOutErasures()))

    async def carry_out(self) -> None:
        assert self.ingest.erasures is not None
        assert await self.ingest.erasures.carry_out_now() is None


@pytest.fixture
async def deployment() -> Erasing:
    deployment = Erasing()
    await deployment.ingest.ensure_default_experiment()
    return deployment


def streams(answer: Any) -> list[str]:
    return [one["stream"] for one in answer["erased"]]


async def test_a_run_is_erased_with_its_artifacts_and_what_its_events_held(deployment: Erasing) -> None:
    run_id = await deployment.run()
    await deployment.append(ArtifactUploaded(path=f"0/{run_id}/artifacts/secret.txt", size=3, etag="e"))
    answer = await deployment.erase(run_ids=[run_id])
    assert (streams(answer), answer["is_whole"]) == ([f"run/{run_id}"], True)
    [event] = [one for one in deployment.log._events[0] if one.type == "run.erased"]
    assert (event.actor, event.request_id) == (ANN, "q")
    [erased] = [one for one in await readable(deployment) if isinstance(one, RunErased)]
    assert (erased.erasure.events, erased.erasure.artifacts, erased.erasure.artifact_bytes) == (4, 2, 10)
    with pytest.raises(ResourceDoesNotExist):
        await deployment.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q")
    assert (await deployment.state())["pending"] == 1
    await deployment.carry_out()
    assert (await deployment.state())["pending"] == 0
    assert deployment.artifacts.removed == [f"mlflow-artifacts:/0/{run_id}/artifacts"]
    kept = [one for one in deployment.log._events[0] if run_id in one.stream and not is_forgotten(one.payload)]
    assert [one.type for one in kept] == ["run.erased"]


async def readable(deployment: Erasing) -> list[Any]:
    from schemas import codec

    return [codec.decode(one) for one in deployment.log._events[0] if not is_forgotten(one.payload)]


async def test_what_a_crash_left_is_carried_on(deployment: Erasing) -> None:
    run_id = await deployment.run()
    await deployment.erase(run_ids=[run_id])
    deployment.forgetting.fails = True
    with pytest.raises(SystemError):
        await deployment.carry_out()
    deployment.forgetting.fails = False
    deployment.ingest = deployment.another_process()
    assert (await deployment.state())["pending"] == 1
    await deployment.carry_out()
    assert (await deployment.state())["pending"] == 0
    assert b"secret" not in b"".join(one.payload for one in deployment.log._events[0])


async def test_an_experiment_is_erased_behind_what_is_in_it(deployment: Erasing) -> None:
    experiment_id = await deployment.experiment("of a secret")
    run_id = await deployment.run(experiment_id, deleted=False)
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    answer = await deployment.erase(experiment_ids=[experiment_id])
    assert streams(answer) == [f"run/{run_id}", f"experiment/{experiment_id}"]
    await deployment.carry_out()
    assert b"of a secret" not in b"".join(one.payload for one in deployment.log._events[0])
    assert [type(one) for one in await readable(deployment)][-1] is ExperimentErased
    assert await deployment.experiment("of a secret") != experiment_id


async def test_an_experiment_is_erased_behind_its_traces(deployment: Erasing) -> None:
    experiment_id = await deployment.experiment("e")
    for trace_id, of in (("tr-1", experiment_id), ("tr-2", experiment_id), ("tr-elsewhere", "0")):
        preview = f"secret of {trace_id}"
        started = TraceStarted(trace_id=trace_id, experiment_id=int(of), request_time_ms=1, request_preview=preview)
        await deployment.append(started)
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    answer = await deployment.erase(experiment_ids=[experiment_id])
    assert streams(answer) == ["trace/tr-1", "trace/tr-2", f"experiment/{experiment_id}"]
    await deployment.carry_out()
    kept = b"".join(one.payload for one in deployment.log._events[0])
    assert [kept.count(b"secret of " + one) for one in (b"tr-1", b"tr-2", b"tr-elsewhere")] == [0, 0, 1]
    assert await deployment.projection.all(TRACES, ["tr-1", "tr-2"]) == []


async def test_what_belongs_to_an_experiment_alone_goes_with_it(deployment: Erasing) -> None:
    experiment_id, other = await deployment.experiment("e"), await deployment.experiment("other")
    for number, (dataset_id, of) in enumerate((("d-alone", [experiment_id]), ("d-shared", [experiment_id, other]))):
        name = f"secret of {dataset_id}"
        await deployment.append(
            EvaluationDatasetCreated(dataset_id=dataset_id, name=name, experiment_ids=list(map(int, of)))
        )
        await deployment.append(
            IssueCreated(issue_id=f"iss-{number}", experiment_id=int(of[-1]), name="secret of an issue", description="")
        )
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    await deployment.erase(experiment_ids=[experiment_id])
    await deployment.carry_out()
    kept = b"".join(one.payload for one in deployment.log._events[0])
    assert [kept.count(b"secret of " + one) for one in (b"d-alone", b"d-shared", b"an issue")] == [0, 1, 1]
    assert (await deployment.state())["pending"] == 0


async def test_what_was_deleted_or_refused_before_its_experiment_goes_with_it_too(deployment: Erasing) -> None:
    experiment_id, other = await deployment.experiment("e"), await deployment.experiment("other")
    one, two = int(experiment_id), int(other)

    def queue(queue_id: str, of: int) -> ReviewQueueCreated:
        return ReviewQueueCreated(
            queue_id=queue_id, experiment_id=of, name="n", queue_type="CUSTOM", users=[f"secret of {queue_id}"]
        )

    def schema(schema_id: str, of: int) -> LabelSchemaCreated:
        return LabelSchemaCreated(
            schema_id=schema_id, experiment_id=of, name="n", type="FEEDBACK", input=f"secret of {schema_id}"
        )

    for event in (
        ScorerRegistered(experiment_id=one, name="s", scorer_id="s", version_id="v", serialized_scorer="secret of s"),
        *(ScorerDeleted(experiment_id=one, name="s"), queue("rq-gone", one), ReviewQueueDeleted(queue_id="rq-gone")),
        *(queue("rq", one), schema("ls", one), schema("ls-elsewhere", two)),
        EvaluationDatasetCreated(dataset_id="d-both", name="secret of d-both", experiment_ids=[one, two]),
        EvaluationDatasetDeleted(dataset_id="d-both"),
    ):
        await deployment.append(event)
    for refused in (queue("rq-refused", one), schema("ls-refused", one), schema("ls-elsewhere-refused", two)):
        await deployment.append(refused)
    kept = ["ls-elsewhere", "ls-elsewhere-refused", "d-both"]
    for erased, left in ((experiment_id, kept), (other, [])):
        await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=erased), ANN, "q")
        await deployment.erase(experiment_ids=[erased])
        await deployment.carry_out()
        payloads = b"".join(event.payload for event in deployment.log._events[0])
        assert set(re.findall(rb"secret of ([\w-]+)", payloads)) == {name.encode() for name in left}


def test_traces_are_erased_side_by_side_and_nothing_else() -> None:
    kinds = [RUN, RUN, *[TRACE] * (AT_ONCE + 1), EXPERIMENT]
    found = [Candidate(kind, str(number), 1, "", "", 1) for number, kind in enumerate(kinds)]
    assert [len(some) for some in side_by_side(found)] == [1, 1, AT_ONCE, 1, 1]
    assert [one for some in side_by_side(found) for one in some] == found


async def test_everything_that_is_deleted_is_erased_when_nothing_is_named(deployment: Erasing) -> None:
    first, second, active = await deployment.run(), await deployment.run(), await deployment.run(deleted=False)
    assert (await deployment.plan(older_than="1h"))["erased"] == []
    answer = await deployment.erase()
    assert sorted(streams(answer)) == sorted([f"run/{first}", f"run/{second}"])
    assert active not in str(answer)
    assert (await deployment.plan())["erased"] == []


async def test_what_cannot_be_erased_is_refused_by_name(deployment: Erasing) -> None:
    active, deleted = await deployment.run(deleted=False), await deployment.run()
    for named, error in (
        ({"run_ids": [active]}, InvalidParameterValue),
        ({"run_ids": ["f" * 32]}, ResourceDoesNotExist),
        ({"run_ids": [deleted], "older_than": "1d"}, InvalidParameterValue),
        ({"experiment_ids": ["0"]}, InvalidParameterValue),
        ({"older_than": "soon"}, InvalidParameterValue),
    ):
        with pytest.raises(error):
            await deployment.plan(**named)


async def test_a_plan_that_is_no_longer_so_is_not_carried_out(deployment: Erasing) -> None:
    await deployment.run()
    digest = (await deployment.plan())["digest"]
    await deployment.run()
    assert deployment.ingest.erasures is not None
    with pytest.raises(ResourceConflict):
        await deployment.ingest.erasures.erase(Erase(digest=digest, reason="r"), ANN, "q")
    with pytest.raises(InvalidParameterValue, match="reason"):
        await deployment.ingest.erasures.erase(Erase(digest=digest, reason=" "), ANN, "q")


async def test_a_run_that_holds_the_files_of_a_registered_version_is_left_out(deployment: Erasing) -> None:
    run_id = await deployment.run(deleted=False)
    await deployment.ingest.registered_models.create(CreateRegisteredModel(name="m"), ANN, "q")
    version = CreateModelVersion(name="m", source=f"mlflow-artifacts:/0/{run_id}/artifacts/model", run_id=run_id)
    await deployment.ingest.model_versions.create(version, ANN, "q")
    await deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    plan = await deployment.plan()
    assert (plan["erased"], "version 1" in plan["left_out"][0]["reason"]) == ([], True)
    assert len((await deployment.plan(with_registered=True))["erased"]) == 1


async def test_what_cannot_be_looked_at_keeps_nothing_else_from_being_erased(deployment: Erasing) -> None:
    first, second = await deployment.run(), await deployment.run()
    deployment.artifacts.failing.add(first)
    plan = await deployment.plan()
    assert [one["id"] for one in plan["erased"]] == [second]
    assert [(one["id"], "does not let us" in one["reason"]) for one in plan["left_out"]] == [(first, True)]
    assert await deployment.plan(leave_out=[f"run/{first}"]) == {**plan, "left_out": []}


async def test_what_was_left_out_before_gives_its_place_to_what_comes_after(
    deployment: Erasing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "MOST", 2)
    for name in ("DELETED_RUNS", "DELETED_MODELS"):
        lookup = getattr(commands, name)
        fewer = lookup.statement.replace(f"LIMIT {MOST}", "LIMIT 2")
        monkeypatch.setattr(commands, name, Lookup(fewer, lookup.row))
    runs = sorted([await deployment.run() for _ in range(4)])
    deployment.artifacts.failing.update(runs[:2])
    plan = await deployment.plan()
    assert (plan["erased"], len(plan["left_out"]), plan["is_whole"]) == ([], 2, False)
    left_out = [f"run/{one}" for one in runs[:2]]
    assert [one["id"] for one in (await deployment.plan(leave_out=left_out))["erased"]] == runs[2:]


async def test_an_experiment_stays_while_something_in_it_is_left_out(deployment: Erasing) -> None:
    experiment_id = await deployment.experiment("e")
    first, second = sorted([await deployment.run(experiment_id), await deployment.run(experiment_id)])
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    plan = await deployment.plan(experiment_ids=[experiment_id], leave_out=[f"run/{first}"])
    assert [one["id"] for one in plan["erased"]] == [second]
    assert [one["id"] for one in plan["left_out"]] == [experiment_id]


async def test_a_folder_that_cannot_be_removed_holds_up_its_own_erasure_alone(deployment: Erasing) -> None:
    runs = [await deployment.run() for _ in range(3)]
    await deployment.erase(run_ids=runs[:1])
    await deployment.erase(run_ids=runs[1:])
    deployment.artifacts.failing.add(runs[1])
    assert deployment.ingest.erasures is not None
    for _ in range(2):
        assert await deployment.ingest.erasures.carry_out_now() == "The store does not let us."
    assert b"secret" not in b"".join(one.payload for one in deployment.log._events[0])
    assert (await deployment.state())["pending"] == 2
    assert [uri.split("/")[2] for uri in deployment.artifacts.removed] == [runs[0], runs[2]]
    deployment.artifacts.failing.clear()
    await deployment.carry_out()
    assert (await deployment.state())["pending"] == 0


def test_an_age_is_days_hours_minutes_and_seconds() -> None:
    assert age_us("1d2h3m4.5s") == 93_784_500_000
    assert age_us("") == 0
    for text in ("1", "d", "1h1d", "-1d"):
        with pytest.raises(InvalidParameterValue):
            age_us(text)
