"""A random history, written by the stock client straight into a store of MLflow, and what a client then reads of it."""

import json
import math
import random
import sys
from collections.abc import Iterator
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities import (
    AssessmentSource,
    Dataset,
    DatasetInput,
    Expectation,
    Experiment,
    Feedback,
    InputTag,
    IssueSeverity,
    IssueStatus,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunTag,
    Span,
    Trace,
    TraceData,
    TraceInfo,
    TraceLocation,
    TraceState,
    ViewType,
)
from mlflow.genai.label_schemas.label_schemas import InputCategorical, InputNumeric, InputPassFail, InputText
from mlflow.tracing.client import TracingClient

TIME_MS: Final = 1_700_000_000_000
VALUES: Final = (0.0, -1.5, 1e-300, math.nan, math.inf, -math.inf, 1.0, 0.1)
_ANSWERS: Final = (
    InputPassFail("yes", "no"),
    InputCategorical(options=["a", "b"], multi_select=True),
    InputNumeric(min_value=0.5),
    InputNumeric(),
    InputText(max_length=10),
    InputText(),
)
STEPS: Final = (-3, 0, 1, 2, 2**53 + 1)


class History:
    """Writes what `seed` says. `files`: the store is one of files, which takes a point twice."""

    def __init__(self, client: MlflowClient, seed: int, *, files: bool) -> None:
        self._client = client
        self._random = random.Random(seed)
        self._files = files
        self._runs: list[str] = []
        self._run_of: dict[str, str] = {}  # the last one of each experiment
        self._models: list[str] = []

    def write(self, runs: int) -> None:
        """Experiments, so many runs, models and a registry."""
        experiments = [self._experiment(number) for number in range(3)]
        for number in range(runs):
            self._run(self._random.choice(experiments), number)
        for experiment in experiments:
            self._logged_model(experiment)
        self._registry()
        for number in range(4):
            # In the one that is deleted a database still finds traces, and a store of files does not.
            self._trace(self._random.choice(experiments[:-1]), number)
        if not self._files:
            self._evaluated(experiments)
            for experiment in experiments[:-1]:
                self._reviewed(experiment)
        for run_id in self._random.sample(self._runs, runs // 4):
            self._client.delete_run(run_id)
        self._client.delete_experiment(experiments[-1])

    def changes(self) -> str:
        """Change what is there in each way in which it can be; returns the id of a run that is not deleted."""
        client = self._client
        alive = [one for one in self._runs if client.get_run(one).info.lifecycle_stage == "active"]
        client.set_tag(alive[0], "again", "1")
        client.set_tag(alive[0], "again", "2")
        client.set_tag(alive[0], "gone", "x")
        client.delete_tag(alive[0], "gone")
        client.update_run(alive[1], status="FINISHED", name="renamed run")
        client.delete_run(alive[2])
        client.delete_run(alive[3])
        client.restore_run(alive[3])
        later = client.create_experiment("later")
        run = client.create_run(later)
        for step in range(20):
            client.log_metric(run.info.run_id, "m", step * 0.1, timestamp=TIME_MS + step, step=step)
        client.rename_experiment(later, "later renamed")
        client.delete_experiment(later)
        restored = client.create_experiment("restored")
        client.create_run(restored)
        client.delete_experiment(restored)
        client.restore_experiment(restored)
        client.rename_registered_model("registered 0", "registered otherwise")
        client.set_registered_model_tag("registered otherwise", "k", "w")
        client.create_model_version("registered otherwise", "s3://bucket/more", run_id=self._runs[0])
        client.create_registered_model("for a moment")
        client.delete_registered_model("for a moment")
        return alive[0]

    def _text(self) -> str:
        return self._random.choice(("", "a", "with a blank ", "two\nlines", "ä→😀", '{"json": [1]}', "x" * 300))

    def _experiment(self, number: int) -> str:
        found: str = self._client.create_experiment(f"experiment {number}", tags={"team": "blue"})
        if self._random.random() < 0.5:
            self._client.set_experiment_tag(found, "mlflow.note.content", self._text())
        if self._random.random() < 0.5:
            self._client.rename_experiment(found, f"renamed {number}")
        return found

    def _run(self, experiment_id: str, number: int) -> None:
        client, chosen = self._client, self._random
        parent = {"mlflow.parentRunId": self._runs[0]} if self._runs and chosen.random() < 0.3 else {}
        run = client.create_run(experiment_id, start_time=TIME_MS + number, tags=parent, run_name=f"run {number}")
        run_id = run.info.run_id
        self._runs.append(run_id)
        self._run_of[experiment_id] = run_id
        params = [Param(f"p/{index}", self._text()) for index in range(chosen.randint(0, 4))]
        tags = [RunTag(f"t{index}", self._text()) for index in range(chosen.randint(0, 4))]
        client.log_batch(run_id, params=params, tags=tags, metrics=list(self._points()))
        if chosen.random() < 0.5:
            client.log_inputs(run_id, [self._dataset(name) for name in chosen.sample(("one", "two", "three"), 2)])
        if chosen.random() < 0.8:
            client.set_terminated(run_id, chosen.choice(("FINISHED", "FAILED", "KILLED")), TIME_MS + number + 500)

    def _points(self) -> Iterator[Metric]:
        """No NaN has its step and time in common with a number: a store of files has the first be the latest."""
        for key in self._random.sample(("loss", "val/loss", "Loss2"), self._random.randint(0, 3)):
            written: dict[tuple[int, int], list[float]] = {}
            for index in range(self._random.randint(1, 12)):
                value, step = self._random.choice(VALUES), self._random.choice(STEPS)
                beside = written.setdefault((step, index // 3), [])
                is_again = str(value) in map(str, beside)
                is_beside_nan = bool(beside) and not is_again and any(map(math.isnan, (value, *beside)))
                if (self._files or not is_again) and not is_beside_nan:
                    beside.append(value)
                    yield Metric(key, value, TIME_MS + index // 3, step)

    def _dataset(self, name: str) -> DatasetInput:
        dataset = Dataset(name, name[:2], "s3", f"s3://bucket/{name}", schema=None, profile='{"rows": 1}')
        return DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])

    def _logged_model(self, experiment_id: str) -> None:
        client, run_id = self._client, self._run_of.get(experiment_id)
        if run_id is None:
            return
        model = client.create_logged_model(
            experiment_id,
            name=f"model-{len(self._models)}",
            source_run_id=run_id,
            tags={"a": self._text()},
            params={"depth": "3"},
            model_type="tree",
        )
        self._models.append(model.model_id)
        client.log_metric(run_id, "accuracy", 0.5, timestamp=TIME_MS, step=2, model_id=model.model_id)
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 7)])
        if self._random.random() < 0.7:
            client.finalize_logged_model(model.model_id, self._random.choice(("READY", "FAILED")))

    def _registry(self) -> None:
        client, chosen = self._client, self._random
        for number in range(2):
            name = f"registered {number}"
            client.create_registered_model(name, tags={"k": "v"}, description=chosen.choice((None, "described")))
            for _ in range(chosen.randint(1, 4)):
                client.create_model_version(name, f"s3://bucket/{number}", run_id=self._runs[0], tags={"t": "1"})
            versions = [version.version for version in client.search_model_versions(f"name = '{name}'")]
            client.set_registered_model_alias(name, "best", chosen.choice(versions))
            client.transition_model_version_stage(name, chosen.choice(versions), "Staging")
            client.update_model_version(name, chosen.choice(versions), "a version")
            if len(versions) > 1:
                client.delete_model_version(name, chosen.choice(versions))

    def _trace(self, experiment_id: str, number: int) -> None:
        chosen, tracing = self._random, TracingClient(self._client.tracking_uri)
        trace_id, is_done = f"tr-{number + 1:032x}", number > 0 or self._files
        info = tracing.start_trace(
            TraceInfo(
                trace_id=trace_id,
                trace_location=TraceLocation.from_experiment_id(experiment_id),
                request_time=TIME_MS + number,
                execution_duration=chosen.randint(1, 1000) if is_done else None,
                state=chosen.choice((TraceState.OK, TraceState.ERROR)) if is_done else TraceState.IN_PROGRESS,
                request_preview=self._text(),
                trace_metadata={"mlflow.user": "ann", "mlflow.trace_schema.version": "3", "m": self._text()},
                tags={"mlflow.traceName": f"trace {number}", "t": self._text()},
            )
        )
        spans = [self._span(trace_id, place) for place in range(chosen.randint(1, 4))]
        if self._files:
            tracing._upload_trace_data(info, TraceData(spans))
        else:
            tracing.log_spans(experiment_id, spans)
        source = AssessmentSource("HUMAN", "ann")
        said: Any = chosen.choice((True, 0.5, "ok", [1]))
        tracing.log_assessment(trace_id, Feedback("good", said, source=source))
        tracing.log_assessment(trace_id, Expectation("expected", {"a": self._text()}, source=source))
        if self._runs and not self._files:
            self._client.link_traces_to_run([trace_id], self._runs[0])

    def _span(self, trace_id: str, place: int) -> Span:
        return Span.from_dict(
            {
                "trace_id": trace_id,
                "span_id": f"{place + 1:016x}",
                "parent_span_id": f"{1:016x}" if place else None,
                "name": self._text(),
                "start_time_unix_nano": (TIME_MS + place) * 1_000_000,
                "end_time_unix_nano": (TIME_MS + place + 1) * 1_000_000,
                "status": {"code": "STATUS_CODE_OK", "message": ""},
                "attributes": {
                    "mlflow.traceRequestId": json.dumps(trace_id),
                    "mlflow.spanType": json.dumps("LLM"),
                    "mlflow.spanInputs": json.dumps({"x": self._text()}),
                    "n": json.dumps(self._random.choice((1, 0.5, True, None, "1"))),
                },
                "events": [],
            }
        )

    def _reviewed(self, experiment_id: str) -> None:
        """Issues, label schemas and review queues, each changed after it was made."""
        store, chosen = self._client._tracking_client.store, self._random
        issues = [
            store.create_issue(
                experiment_id,
                f"issue {number}",
                self._text(),
                IssueStatus.PENDING,
                severity=chosen.choice((None, IssueSeverity.LOW, IssueSeverity.HIGH)),
                root_causes=chosen.choice((None, ["one", self._text()])),
                categories=chosen.choice((None, ["safety"])),
                source_run_id=chosen.choice((None, self._runs[0])),
                created_by=chosen.choice((None, "ann")),
            )
            for number in range(2)
        ]
        store.update_issue(issues[1].issue_id, status=IssueStatus.RESOLVED, severity=IssueSeverity.MEDIUM)
        asked = [
            store.create_label_schema(experiment_id, name=f"question {number}", type="feedback", input=wanted)
            for number, wanted in enumerate(_ANSWERS)
        ]
        store.update_label_schema(asked[0].schema_id, name="renamed", instruction=self._text(), enable_comment=True)
        store.delete_label_schema(asked[-1].schema_id)
        found = TracingClient(self._client.tracking_uri).search_traces(locations=[experiment_id])
        traces = [one.info.trace_id for one in found]
        asked_by_queue = [one.schema_id for one in asked]
        queue = store.create_review_queue(
            experiment_id, name="A Queue", queue_type="custom", users=["Bob", "ann"], schema_ids=asked_by_queue[:2]
        )
        mine = store.create_review_queue(experiment_id, name="Ann", queue_type="user", created_by="ann")
        store.update_review_queue(queue.queue_id, name="Renamed Queue", users=["eve"])
        if traces:
            for queue_id in (queue.queue_id, mine.queue_id):
                store.add_items_to_review_queue(queue_id, item_ids=traces)
            for status in chosen.choice((("complete",), ("declined",), ("complete", "pending"))):
                by = {} if status == "pending" else {"completed_by": "Eve"}
                store.set_review_queue_item_status(mine.queue_id, item_id=traces[0], status=status, **by)

    def _evaluated(self, experiments: list[str]) -> None:
        client, chosen = self._client, self._random
        for number in range(2):
            made = client.create_dataset(
                f"questions {number}", experiment_id=chosen.sample(experiments, 2), tags={"t": self._text()}
            )
            for _ in range(2):
                records = [
                    {"inputs": {"q": chosen.randint(0, 5)}, "expectations": {"a": self._text()}, "tags": {"n": "1"}}
                    for _ in range(3)
                ]
                client._tracking_client.store.upsert_dataset_records(made.dataset_id, records)


def answers(
    client: MlflowClient, *, traced: bool = True, evaluated: bool = True, reviewed: bool = True
) -> dict[str, Any]:
    """Everything that a client reads, but for what is told of in `docs/differences.md` and `docs/moving-in.md`.

    `traced`: traces too, which no server hands over; `evaluated`: evaluation datasets, and `reviewed`: issues, label
    schemas and review queues, which no files have.
    """
    experiments = client.search_experiments(ViewType.ALL)
    ids = [experiment.experiment_id for experiment in experiments]
    runs = client.search_runs(ids, run_view_type=ViewType.ALL, max_results=1000)
    models = client.search_logged_models(ids)
    return {
        "experiments": sorted((_experiment(one) for one in experiments), key=str),
        "runs": sorted((_run(client, one) for one in runs), key=str),
        "logged models": sorted((_without(one.to_dictionary(), "workspace") for one in models), key=str),
        "registered models": sorted((_registered(one) for one in client.search_registered_models()), key=str),
        "versions": {
            f"{one.name}/{one.version}": _version(client.get_model_version(one.name, str(one.version)))
            for one in client.search_model_versions()
        },
        "traces": {one.info.trace_id: _trace(one) for one in _traces(client, ids)} if traced else None,
        "evaluation datasets": _evaluated(client) if evaluated else None,
        "reviews": {one: _reviewed(client, one, traced) for one in _active(experiments)} if reviewed else None,
    }


def _active(experiments: list[Experiment]) -> list[str]:
    return [one.experiment_id for one in experiments if one.lifecycle_stage == "active"]


def _reviewed(client: MlflowClient, experiment_id: str, traced: bool) -> dict[str, Any]:
    """The default label schema, which has an id and a time of its own here, by its name; items as traces are."""
    store = client._tracking_client.store
    schemas = store.list_label_schemas(experiment_id)
    names = {one.schema_id: one.name for one in schemas}
    queues = store.list_review_queues(experiment_id)
    return {
        "issues": [_plain(one) for one in store.search_issues(experiment_id, include_trace_count=traced)],
        "label schemas": [
            _without(vars(one), "schema_id", "created_at", "updated_at") if one.is_default else _plain(one)
            for one in sorted(schemas, key=lambda one: (one.is_default, one.name))
        ],
        "queues": [
            {**_plain(one), "schema_ids": [names.get(schema_id, schema_id) for schema_id in one.schema_ids]}
            for one in queues
        ],
        "items": [_plain(one) for queue in queues if traced for one in store.list_review_queue_items(queue.queue_id)],
    }


def _traces(client: MlflowClient, experiment_ids: list[str]) -> list[Trace]:
    found: list[Trace] = TracingClient(client.tracking_uri).search_traces(locations=experiment_ids)
    return found


def _trace(trace: Trace) -> dict[str, Any]:
    info = trace.info.to_dict()
    info["tags"] = {key: value for key, value in info["tags"].items() if key not in _PLACES}
    info["trace_metadata"] = {key: one for key, one in info["trace_metadata"].items() if key not in _SIZES}
    # `valid` is said of an expectation by MLflow's databases, and by nothing else.
    assessments = [{**one, "valid": True} for one in info.get("assessments", ())]
    info["assessments"] = sorted(assessments, key=lambda one: str(one["assessment_id"]))
    spans = [one.to_dict() for one in trace.data.spans]
    for one in spans:
        one["attributes"] = {key: json.loads(value) for key, value in one["attributes"].items()}
    return {"info": info, "spans": spans}


_OF_DATASET: Final = (
    "name",
    "tags",
    "schema",
    "profile",
    "digest",
    "created_time",
    "last_update_time",
    "created_by",
    "last_updated_by",
)
_PLACES: Final = ("mlflow.artifactLocation", "mlflow.trace.spansLocation")
_SIZES: Final = ("mlflow.trace.sizeStats", "mlflow.trace.sizeBytes")


def _evaluated(client: MlflowClient) -> dict[str, Any]:
    store = client._tracking_client.store
    return {
        one.dataset_id: {
            "dataset": {name: _plain(getattr(one, name)) for name in _OF_DATASET},
            "experiments": sorted(store.get_dataset_experiment_ids(one.dataset_id)),
            "records": sorted(
                (
                    _without(record.to_dict(), "last_update_time")
                    for record in store._load_dataset_records(one.dataset_id)[0]
                ),
                key=str,
            ),
        }
        for one in client.search_datasets()
    }


def _without(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: _plain(value) for key, value in found.items() if key not in names}


def _plain(value: Any) -> Any:
    """Entities as their values, lists of them in one order, infinities as MLflow's databases answer them."""
    if value is None:
        return ""  # REST has no other way to say that there is none
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else max(min(value, sys.float_info.max), -sys.float_info.max)
    if isinstance(value, list):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return {key: _plain(one) for key, one in vars(value).items()}
    return value


def _experiment(experiment: Experiment) -> dict[str, Any]:
    return _without(dict(experiment), "workspace", "trace_location", "effective_trace_archival_retention")


def _run(client: MlflowClient, run: Run) -> dict[str, Any]:
    read = client.get_run(run.info.run_id)
    return {
        "info": _without(dict(read.info), "run_uuid"),
        "params": read.data.params,
        "tags": read.data.tags,
        "metrics": _plain(read.data.metrics),
        "history": {key: _history(client, run.info.run_id, key) for key in read.data.metrics},
        "inputs": _plain(read.inputs.to_dictionary() if read.inputs else None),
        "outputs": _plain(read.outputs.to_dictionary() if read.outputs else None),
    }


def _history(client: MlflowClient, run_id: str, key: str) -> list[Any]:
    """Points that are alike once: so MLflow's databases have them."""
    points = client.get_metric_history(run_id, key)
    return sorted({(point.step, point.timestamp, _plain(point.value)) for point in points}, key=str)


def _registered(model: Any) -> dict[str, Any]:
    found = _without(dict(model), "latest_versions", "workspace", "deployment_job_id", "deployment_job_state")
    return {**found, "aliases": {alias: int(version) for alias, version in model.aliases.items()}}


def _version(version: Any) -> dict[str, Any]:
    found = _without(dict(version), "user_id", "workspace", "deployment_job_state", "metrics", "params", "model_id")
    return {**found, "version": int(version.version)}
