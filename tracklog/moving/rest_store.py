"""A running MLflow server as a store: what its REST API tells, where neither its database nor its files are reached."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schemas.events import DatasetInput, ModelMetric, ModelOutput, Param, Tag
from tracklog.moving.cells import Cells
from tracklog.moving.database_points import point
from tracklog.moving.records import (
    DELETED,
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    Records,
    RunRecord,
    SizeRecord,
)
from tracklog.moving.rest_client import ABSENT, Refused, RestClient
from tracklog.moving.rest_histories import RestHistories
from tracklog.moving.rest_registry import RestRegistry
from tracklog.moving.rest_reviews import RestReviews
from tracklog.moving.stores import Consume, Store

RUNS_PER_PAGE: Final = 100
"""As many as the bulk route of histories takes."""

_MLFLOW: Final = "api/2.0/mlflow"
_MODELS_PER_PAGE: Final = 50

_MODEL_STATUSES: Final = {"LOGGED_MODEL_PENDING": 1, "LOGGED_MODEL_READY": 2, "LOGGED_MODEL_UPLOAD_FAILED": 3}


class RestStore(Store):
    """Reads what a server answers, page by page. What changes meanwhile is read as it was then, or as it is by now."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._shown = RestClient(url).url

    def __str__(self) -> str:
        return self._shown

    def read(self, consume: Consume) -> None:
        client = RestClient(self._url)
        try:
            consume(RestReader(client).records())
        finally:
            client.close()


class RestReader:
    """One reading of a server."""

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._cells = Cells()
        self._points = RestHistories(client, self._cells)

    def records(self) -> Records:
        """Everything. Raises NoStore."""
        experiments = list(self._experiments())
        yield SizeRecord("experiments", len(experiments))
        for experiment in sorted(experiments, key=lambda one: one.get("lifecycle_stage") == DELETED):
            yield self._experiment(experiment)
            yield from self._cells.take()
        ids = [str(one.get("experiment_id")) for one in experiments]
        for experiment_id in ids:
            yield from self._runs(experiment_id)
        for experiment_id in ids:
            yield from self._logged_models(experiment_id)
        yield from RestRegistry(self._client, self._cells).records()
        active = [str(one.get("experiment_id")) for one in experiments if one.get("lifecycle_stage") != DELETED]
        yield from RestReviews(self._client, self._cells).records(active)
        yield OddityRecord("traces", "all", "a server's traces, webhooks, scorers and evaluation datasets are not read")

    # --- experiments ----------------------------------------------------------------------------------------------

    def _experiments(self) -> Iterator[Mapping[str, Any]]:
        """Of all stages. Servers before 1.29 have a list of them and no search."""
        wanted = {"view_type": "ALL", "max_results": 1000}
        try:
            for page in self._client.pages(self._client.post, f"{_MLFLOW}/experiments/search", wanted):
                yield from page.get("experiments", ())
        except Refused as error:
            if error.status not in ABSENT:
                raise
            for page in self._client.pages(self._client.get, f"{_MLFLOW}/experiments/list", wanted):
                yield from page.get("experiments", ())

    def _experiment(self, found: Mapping[str, Any]) -> ExperimentRecord:
        kind, cells = "experiments", self._cells
        key = str(found.get("experiment_id"))
        where = f"experiment {key}"
        tags = self._tags(found.get("tags"), "experiment tags", where)
        self._points.count("experiment tags", len(tags))
        created_ms = cells.number(found.get("creation_time"), kind, where)
        return ExperimentRecord(
            where=where,
            key=key,
            experiment_id=key,
            name=cells.text(found.get("name"), kind, where),
            artifact_location=cells.text(found.get("artifact_location"), kind, where),
            deleted=self._cells.is_deleted(found.get("lifecycle_stage"), "experiments", where),
            creation_time_ms=created_ms or self._first_start(key),
            last_update_time_ms=cells.number(found.get("last_update_time"), kind, where),
            tags=tags,
        )

    def _first_start(self, experiment_id: str) -> int | None:
        """When the first run of an experiment began, in ms: servers before 1.29 say no time of an experiment."""
        page = self._client.post(f"{_MLFLOW}/runs/search", {**_runs_of(experiment_id), "max_results": 1})
        starts = [self._cells.number(run.get("info", {}).get("start_time"), "runs", "") for run in page.get("runs", ())]
        return next((start for start in starts if start), None)

    # --- runs -----------------------------------------------------------------------------------------------------

    def _runs(self, experiment_id: str) -> Records:
        """The oldest first: a run that is made meanwhile comes last, and moves none from one page to another."""
        seen: set[str] = set()
        wanted = {**_runs_of(experiment_id), "max_results": RUNS_PER_PAGE}
        for page in self._run_pages(wanted):
            runs = []
            for run in page.get("runs", ()):
                run_id = _run_id(run)
                if run_id not in seen:
                    seen.add(run_id)
                    runs.append(run)
            self._points.look_ahead({_run_id(run): _keys(run) for run in runs})
            for run in runs:
                yield SizeRecord("runs", 1)
                record = self._run(run, experiment_id)
                yield from self._points.sizes()
                yield from self._cells.take()
                yield record
                yield from self._points.records(record.run_id, _keys(run))
        yield from self._cells.take()

    def _run_pages(self, wanted: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self._client.pages(self._client.post, f"{_MLFLOW}/runs/search", wanted)
        except Refused as error:
            if error.status not in ABSENT:
                raise
            where = f"experiment {wanted['experiment_ids'][0]}"
            self._cells.odd("runs", where, f"not all were read: it is gone by now. {error}")

    def _run(self, run: Mapping[str, Any], experiment_id: str) -> RunRecord:
        info, data = run.get("info", {}), run.get("data", {})
        kind, cells, count = "runs", self._cells, self._points.count
        run_id = _run_id(run)
        where = f"run {run_id}"
        inputs, outputs = run.get("inputs", {}), run.get("outputs", {})
        record = RunRecord(
            where=where,
            run_id=run_id,
            experiment_key=experiment_id,
            name=cells.text(info.get("run_name"), kind, where),
            user_id=cells.text(info.get("user_id"), kind, where),
            status=cells.text(info.get("status"), kind, where),
            start_time_ms=cells.number(info.get("start_time"), kind, where),
            end_time_ms=cells.number(info.get("end_time"), kind, where) or None,
            artifact_uri=cells.text(info.get("artifact_uri"), kind, where),
            deleted=self._cells.is_deleted(info.get("lifecycle_stage"), "runs", where),
            params=[Param(tag.key, tag.value) for tag in self._tags(data.get("params"), "params", where)],
            tags=self._tags(data.get("tags"), "tags", where),
            datasets=[self._dataset(one, experiment_id, where) for one in inputs.get("dataset_inputs", ())],
            model_inputs=[cells.text(one.get("model_id"), kind, where) for one in inputs.get("model_inputs", ())],
            outputs=[
                ModelOutput(
                    cells.text(one.get("model_id"), kind, where), cells.number(one.get("step"), kind, where) or 0
                )
                for one in outputs.get("model_outputs", ())
            ],
        )
        count("params", len(record.params))
        count("tags", len(record.tags))
        count("dataset inputs", len(record.datasets))
        count("tags of dataset inputs", sum(len(one.tags) for one in record.datasets))
        count("model inputs", len(record.model_inputs))
        count("model outputs", len(record.outputs))
        return record

    def _dataset(self, found: Mapping[str, Any], experiment_id: str, where: str) -> DatasetInput:
        kind, cells, dataset = "dataset inputs", self._cells, found.get("dataset", {})
        schema, profile = dataset.get("schema"), dataset.get("profile")
        read = DatasetInput(
            name=cells.text(dataset.get("name"), kind, where),
            digest=cells.text(dataset.get("digest"), kind, where),
            source_type=cells.text(dataset.get("source_type"), kind, where),
            source=cells.text(dataset.get("source"), kind, where),
            schema=None if schema is None else cells.text(schema, kind, where),
            profile=None if profile is None else cells.text(profile, kind, where),
            tags=self._tags(found.get("tags"), "tags of dataset inputs", where),
        )
        self._points.count_dataset((experiment_id, read.name, read.digest))
        return read

    def _tags(self, found: Sequence[Mapping[str, Any]] | None, kind: str, where: str) -> list[Tag]:
        return [
            Tag(self._cells.text(one.get("key"), kind, where), self._cells.text(one.get("value"), kind, where))
            for one in found or ()
        ]

    # --- logged models --------------------------------------------------------------------------------------------

    def _logged_models(self, experiment_id: str) -> Records:
        """Those that are not deleted: no route tells of others. Servers before 3.0 have none."""
        wanted = {"experiment_ids": [experiment_id], "max_results": _MODELS_PER_PAGE}
        seen: set[str] = set()
        try:
            for page in self._client.pages(self._client.post, f"{_MLFLOW}/logged-models/search", wanted):
                for model in page.get("models", ()):
                    record = self._logged_model(model, experiment_id)
                    if record.model_id not in seen:
                        seen.add(record.model_id)
                        yield SizeRecord("logged models", 1)
                        yield SizeRecord("params of logged models", len(record.params))
                        yield SizeRecord("tags of logged models", len(record.tags))
                        yield SizeRecord("points of logged models", len(record.metrics))
                        yield from self._cells.take()
                        yield record
        except Refused as error:
            if error.status not in ABSENT:
                raise

    def _logged_model(self, model: Mapping[str, Any], experiment_id: str) -> LoggedModelRecord:
        info, data = model.get("info", {}), model.get("data", {})
        kind, cells = "logged models", self._cells
        model_id = cells.text(info.get("model_id"), kind, "logged models")
        where = f"logged model {model_id}"
        status = info.get("status")
        if info.get("status_message"):
            cells.odd(kind, where, f"its status message is not kept: {info['status_message']!r:.200}")
        metrics = []
        for one in data.get("metrics", ()):
            read = point(cells, kind, where, one.get("value", 0), one.get("timestamp", 0), one.get("step", 0), False)
            if read is not None:
                dataset, digest = one.get("dataset_name"), one.get("dataset_digest")
                of_model = ModelMetric(
                    model_id=model_id,
                    key=cells.text(one.get("key"), kind, where),
                    value=read[0],
                    timestamp_ms=read[1],
                    step=read[2],
                    dataset_name=None if dataset is None else cells.text(dataset, kind, where),
                    dataset_digest=None if digest is None else cells.text(digest, kind, where),
                )
                metrics.append((cells.text(one.get("run_id"), kind, where), of_model))
        return LoggedModelRecord(
            where=where,
            model_id=model_id,
            experiment_key=str(info.get("experiment_id", experiment_id)),
            name=cells.text(info.get("name"), kind, where),
            artifact_location=cells.text(info.get("artifact_uri"), kind, where),
            model_type=cells.text(info.get("model_type"), kind, where),
            source_run_id=cells.text(info.get("source_run_id"), kind, where),
            status=_MODEL_STATUSES.get(str(status), status if isinstance(status, int) else 1),
            creation_time_ms=cells.number(info.get("creation_timestamp_ms"), kind, where),
            last_update_time_ms=cells.number(info.get("last_updated_timestamp_ms"), kind, where),
            params=[Param(tag.key, tag.value) for tag in self._tags(data.get("params"), kind, where)],
            tags=self._tags(info.get("tags"), kind, where),
            metrics=metrics,
        )


def _runs_of(experiment_id: str) -> dict[str, Any]:
    return {
        "experiment_ids": [experiment_id],
        "run_view_type": "ALL",
        "order_by": ["attributes.start_time ASC"],
    }


def _run_id(run: Mapping[str, Any]) -> str:
    info = run.get("info", {})
    return str(info.get("run_id") or info.get("run_uuid") or "")


def _keys(run: Mapping[str, Any]) -> list[str]:
    """The keys of a run's metrics, by the newest point of each."""
    return [str(one.get("key")) for one in run.get("data", {}).get("metrics", ())]


def check_server(url: str) -> RestStore:
    """The store of a server that answers as MLflow does. Raises NoStore."""
    store = RestStore(url)
    client = RestClient(url, attempts=1)
    try:
        client.post(f"{_MLFLOW}/experiments/search", {"view_type": "ALL", "max_results": 1})
    except Refused as error:
        if error.status not in ABSENT:
            raise
        client.get(f"{_MLFLOW}/experiments/list", {"max_results": 1})
    finally:
        client.close()
    return store
