"""A random history, written by the stock client straight into a store of MLflow, and what a client then reads of it."""

import math
import random
import sys
from collections.abc import Iterator
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunTag,
    ViewType,
)

TIME_MS: Final = 1_700_000_000_000
VALUES: Final = (0.0, -1.5, 1e-300, math.nan, math.inf, -math.inf, 1.0, 0.1)
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
        for key in self._random.sample(("loss", "val/loss", "Loss2"), self._random.randint(0, 3)):
            written: set[tuple[Any, ...]] = set()
            for index in range(self._random.randint(1, 12)):
                value, step = self._random.choice(VALUES), self._random.choice(STEPS)
                point = (str(value), step, index // 3)
                if self._files or point not in written:
                    written.add(point)
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


def answers(client: MlflowClient) -> dict[str, Any]:
    """Everything that a client reads, but for what is told of in `docs/differences.md` and `docs/moving-in.md`."""
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
