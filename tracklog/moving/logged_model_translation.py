"""Logged models of a store as events. Their points are facts of the runs that reported them."""

from collections.abc import Iterator

from schemas.events import LoggedModelCreated, LoggedModelDeleted, LoggedModelFinalized, ModelMetric, RunDataLogged
from schemas.mlflow import LOGGED_MODEL_STATUSES, NEW_LOGGED_MODEL_STATUS
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made
from tracklog.moving.records import POINTS_PER_RECORD, LoggedModelRecord
from tracklog.moving.run_translation import RunTranslation


class LoggedModelTranslation:
    """Remembers which were made, for an id may be there twice."""

    def __init__(self, facts: Facts, experiments: ExperimentTranslation, runs: RunTranslation) -> None:
        self._facts = facts
        self._event = facts.event
        self._report = facts.report
        self._lost = facts.lost
        self._experiments = experiments
        self._runs = runs
        self._made: set[str] = set()

    def events(self, record: LoggedModelRecord) -> Iterator[Made]:
        """What a logged model comes to."""
        model_id = record.model_id
        about = f"logged-model\0{model_id}"
        is_clash = model_id in self._facts.target.logged_models and not self._facts.is_there(f"{about}\0created")
        if not model_id or is_clash or model_id in self._made:
            what = "left: it has no id" if not model_id else f"left: a logged model {model_id} is there already"
            self._report.odd("logged models", record.where, what, 1)
            self._lost("params of logged models", record.where, "of a model that is left", len(record.params))
            self._lost("tags of logged models", record.where, "of a model that is left", len(record.tags))
            self._lost("points of logged models", record.where, "of a model that is left", len(record.metrics))
            return
        yield from self._experiments.ensure(record.experiment_key, record.where, record.creation_time_ms)
        self._made.add(model_id)
        time_ms = record.creation_time_ms or record.last_update_time_ms
        experiment_id = self._experiments.id_of(record.experiment_key)
        payload = LoggedModelCreated(
            model_id=model_id,
            experiment_id=experiment_id,
            name=record.name,
            artifact_location=self._facts.folder(
                record.artifact_location,
                f"{experiment_id}/models/{model_id}/artifacts",
                "artifacts of logged models",
                record.where,
            ),
            model_type=record.model_type,
            source_run_id=record.source_run_id,
            params=list(record.params),
            tags=list(record.tags),
        )
        counted = {
            "logged models": 1,
            "params of logged models": len(record.params),
            "tags of logged models": len(record.tags),
        }
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        status = record.status
        if status not in LOGGED_MODEL_STATUSES:
            self._report.odd("logged models", record.where, f"its status {status} is none that is known; pending")
            status = NEW_LOGGED_MODEL_STATUS
        changed_ms = record.last_update_time_ms or time_ms
        if status != NEW_LOGGED_MODEL_STATUS or changed_ms != time_ms:
            finalized = LoggedModelFinalized(model_id=model_id, status=status)
            yield from self._event(f"{about}\0finalized", finalized, changed_ms)
        if record.deleted:
            yield from self._event(f"{about}\0deleted", LoggedModelDeleted(model_id=model_id), changed_ms)
        yield from self._points(record)

    def _points(self, record: LoggedModelRecord) -> Iterator[Made]:
        """The points are facts of the runs that reported them."""
        of_runs: dict[str, list[ModelMetric]] = {}
        for run_id, point in record.metrics:
            of_runs.setdefault(run_id, []).append(point)
        for run_id, points in of_runs.items():
            if run_id not in self._runs.made and run_id not in self._facts.target.runs:
                what = f"the run {run_id!r:.50} that reported them is not there"
                self._lost("points of logged models", record.where, what, len(points))
                continue
            for start in range(0, len(points), POINTS_PER_RECORD):
                some = points[start : start + POINTS_PER_RECORD]
                payload = RunDataLogged(run_id=run_id, model_metrics=some)
                about = f"run\0{run_id}\0model\0{record.model_id}\0{start}"
                time_ms = max(one.timestamp_ms for one in some)
                yield from self._event(about, payload, time_ms, {"points of logged models": len(some)}, record.where)
