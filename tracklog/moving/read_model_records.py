"""What a read model of ours holds, as the records that stores of MLflow are read as: what is exported, and compared.

Everything is read by ranges of keys within one transaction, so it is of one moment, and memory holds some runs.
"""

import json
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, func, select

from read_model.metric_points import Points, unpack_chunk, unpack_segments
from read_model.tables.datasets import dataset_inputs, datasets
from read_model.tables.experiments import experiment_owners, experiment_tags, experiments
from read_model.tables.logged_models import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from read_model.tables.metrics import latest_metrics, metric_chunks, metric_tails
from read_model.tables.registered_models import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_model_owners,
    registered_model_tags,
    registered_models,
)
from read_model.tables.rights import grants, role_assignments, roles
from read_model.tables.runs import model_inputs, model_outputs, params, runs, tags
from read_model.tables.users import access_tokens, users
from schemas.events import DatasetInput, MetricSeries, ModelMetric, ModelOutput, Param, Tag
from schemas.mlflow import DELETED
from tracklog.moving.cells import event_value
from tracklog.moving.read_model_reviews import ReadModelReviewRecords
from tracklog.moving.read_model_traces import ReadModelTraceRecords
from tracklog.moving.records import (
    POINTS_PER_RECORD,
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Records,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
    VersionRecord,
)

Row = Any

_RUNS_AT_ONCE: Final = 50
"""The tails of a run's metrics take up to 5 kB each, so those of fifty runs with a hundred metrics 25 MB."""

_MODELS_AT_ONCE: Final = 100

COUNTED: Final = {
    "experiments": experiments,
    "experiment tags": experiment_tags,
    "runs": runs,
    "params": params,
    "tags": tags,
    "datasets": datasets,
    "dataset inputs": dataset_inputs,
    "model inputs": model_inputs,
    "model outputs": model_outputs,
    "logged models": logged_models,
    "params of logged models": logged_model_params,
    "tags of logged models": logged_model_tags,
    "points of logged models": logged_model_metrics,
    "registered models": registered_models,
    "tags of registered models": registered_model_tags,
    "aliases": registered_model_aliases,
    "model versions": model_versions,
    "tags of model versions": model_version_tags,
}

LEFT: Final = {
    "users": users,
    "access tokens": access_tokens,
    "roles": roles,
    "users of roles": role_assignments,
    "grants": grants,
    "owners of experiments": experiment_owners,
    "owners of registered models": registered_model_owners,
}
"""What stays behind, and is counted."""


class ReadModelRecords:
    """Reads one read model by a connection, which is in a transaction that sees one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lifecycles: dict[int, Row] = {}  # of experiments

    def records(self) -> Records:
        """Everything."""
        for kind, table in COUNTED.items():
            yield SizeRecord(kind, self._connection.execute(select(func.count()).select_from(table)).scalar_one())
        points = self._connection.execute(select(func.sum(latest_metrics.c.points))).scalar_one()
        yield SizeRecord("metric points", int(points or 0))
        for kind, table in LEFT.items():
            if number := self._connection.execute(select(func.count()).select_from(table)).scalar_one():
                yield SizeRecord(kind, number)
                yield OddityRecord(kind, f"table {table.name}", "left: not written", number)
        yield from self.experiments()
        for run_number, record in self._runs():
            yield SizeRecord("tags of dataset inputs", sum(len(one.tags) for one in record.datasets))
            yield record
            yield from self._points(record.run_id, run_number)
        yield from self.logged_models()
        yield from self.registered_models()
        yield from ReadModelTraceRecords(self._connection).records()
        yield from ReadModelReviewRecords(self._connection).records()

    # --- experiments ----------------------------------------------------------------------------------------------

    def experiments(self) -> Iterator[ExperimentRecord]:
        """All, those that are active first."""
        its_tags = self._grouped(experiment_tags, "experiment_id")
        order = (experiments.c.lifecycle_stage, experiments.c.experiment_id)
        for row in self._connection.execute(select(experiments).order_by(*order)):
            yield ExperimentRecord(
                where=f"experiment {row.experiment_id}",
                key=str(row.experiment_id),
                experiment_id=str(row.experiment_id),
                name=row.name,
                artifact_location=row.artifact_location,
                deleted=row.lifecycle_stage == DELETED,
                creation_time_ms=row.creation_time_ms,
                last_update_time_ms=row.last_update_time_ms,
                tags=[Tag(one.key, one.value) for one in its_tags.pop(row.experiment_id, ())],
            )

    def _grouped(self, table: Table, by: str, *chosen: Any) -> dict[Any, list[Row]]:
        found: dict[Any, list[Row]] = defaultdict(list)
        order = table.c.key if "key" in table.c else table.c.alias
        for row in self._connection.execute(select(table).where(*chosen).order_by(order)):
            found[getattr(row, by)].append(row)
        return found

    # --- runs -----------------------------------------------------------------------------------------------------

    def _runs(self) -> Iterator[tuple[int, RunRecord]]:
        """All with their numbers, in the order of these."""
        last = -1
        while True:
            page = select(runs).where(runs.c.run_number > last).order_by(runs.c.run_number).limit(_RUNS_AT_ONCE)
            found = self._connection.execute(page).all()
            if not found:
                return
            yield from self._records_of(found)
            last = found[-1].run_number

    def runs_of(self, run_ids: Sequence[str]) -> dict[str, RunRecord]:
        """Those of some runs that are there, by their ids."""
        found = self._connection.execute(select(runs).where(runs.c.run_id.in_(run_ids)).order_by(runs.c.run_number))
        return {record.run_id: record for _, record in self._records_of(found.all())}

    def point_counts(self, run_ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """How many points each metric of some runs has, by run and key."""
        counted = (
            select(runs.c.run_id, latest_metrics.c.key, latest_metrics.c.points)
            .join(latest_metrics, latest_metrics.c.run_number == runs.c.run_number)
            .where(runs.c.run_id.in_(run_ids))
        )
        return {(run_id, key): points for run_id, key, points in self._connection.execute(counted)}

    def points_of(self, run_id: str) -> Iterator[PointsRecord]:
        """All points of one run."""
        number = self._connection.execute(select(runs.c.run_number).where(runs.c.run_id == run_id)).scalar()
        return iter(()) if number is None else self._points(run_id, number)

    def _records_of(self, found: Sequence[Row]) -> Iterator[tuple[int, RunRecord]]:
        numbers = [row.run_number for row in found]
        its_params = self._grouped(params, "run_number", params.c.run_number.in_(numbers))
        its_tags = self._grouped(tags, "run_number", tags.c.run_number.in_(numbers))
        its_datasets = self._dataset_inputs(numbers)
        inputs = self._by_run(select(model_inputs).where(model_inputs.c.run_number.in_(numbers)))
        outputs = self._by_run(select(model_outputs).where(model_outputs.c.run_number.in_(numbers)))
        for row in found:
            number = row.run_number
            deleted, since_us = self._deleted(row)
            yield (
                number,
                RunRecord(
                    where=f"run {row.run_id}",
                    run_id=row.run_id,
                    experiment_key=str(row.experiment_id),
                    name=row.name,
                    user_id=row.user_id,
                    status=row.status,
                    start_time_ms=row.start_time_ms,
                    end_time_ms=row.end_time_ms,
                    artifact_uri=row.artifact_uri,
                    deleted=deleted,
                    deleted_time_ms=since_us // 1000 if deleted else None,
                    params=[Param(one.key, one.value) for one in its_params.get(number, ())],
                    tags=[Tag(one.key, one.value) for one in its_tags.get(number, ())],
                    datasets=its_datasets.get(number, ()),
                    model_inputs=[one.model_id for one in inputs.get(number, ())],
                    outputs=[ModelOutput(one.model_id, one.step) for one in outputs.get(number, ())],
                ),
            )

    def _deleted(self, row: Row) -> tuple[bool, int]:
        """Whether a run is deleted, and since when: by itself or with its experiment, whichever saw the other."""
        if row.experiment_id not in self._lifecycles:
            of = select(
                experiments.c.lifecycle_stage, experiments.c.lifecycle_us, experiments.c.lifecycle_revision
            ).where(experiments.c.experiment_id == row.experiment_id)
            self._lifecycles[row.experiment_id] = self._connection.execute(of).one()
        stage, since_us, revision = self._lifecycles[row.experiment_id]
        seen = row.experiment_revision
        is_own = row.lifecycle_us > since_us if seen is None else seen >= revision
        return (row.lifecycle_stage == DELETED, row.lifecycle_us) if is_own else (stage == DELETED, since_us)

    def _by_run(self, statement: "Select[Any]") -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = defaultdict(list)
        for row in self._connection.execute(statement.order_by("run_number", "model_id")):
            found[row.run_number].append(row)
        return found

    def _dataset_inputs(self, numbers: Sequence[int]) -> dict[int, list[DatasetInput]]:
        inputs = dataset_inputs
        same = (
            (datasets.c.experiment_id == inputs.c.experiment_id)
            & (datasets.c.name == inputs.c.name)
            & (datasets.c.digest == inputs.c.digest)
        )
        statement = (
            select(inputs.c.run_number, inputs.c.tags, datasets)
            .join(datasets, same)
            .where(inputs.c.run_number.in_(numbers))
            .order_by(inputs.c.run_number, inputs.c.ordinal)
        )
        found: dict[int, list[DatasetInput]] = defaultdict(list)
        for row in self._connection.execute(statement):
            found[row.run_number].append(
                DatasetInput(
                    name=row.name,
                    digest=row.digest,
                    source_type=row.source_type,
                    source=row.source,
                    schema=row.schema,
                    profile=row.profile,
                    tags=[Tag(one["key"], one["value"]) for one in json.loads(row.tags)],
                )
            )
        return found

    # --- points ---------------------------------------------------------------------------------------------------

    def _points(self, run_id: str, run_number: int) -> Iterator[PointsRecord]:
        gathered: list[MetricSeries] = []
        size = 0
        for key, some in self._series(run_number):
            for start in range(0, len(some.steps), POINTS_PER_RECORD):
                series = _series(key, some, start, start + POINTS_PER_RECORD)
                if size + len(series.step) > POINTS_PER_RECORD:
                    yield PointsRecord(run_id, gathered)
                    gathered, size = [], 0
                gathered.append(series)
                size += len(series.step)
        if gathered:
            yield PointsRecord(run_id, gathered)

    def _series(self, run_number: int) -> Iterator[tuple[str, Points]]:
        """Some points of a metric after the other, in the order of the log."""
        of_run = select(metric_tails.c.key, metric_tails.c.data).where(metric_tails.c.run_number == run_number)
        tails: dict[str, bytes] = {row.key: row.data for row in self._connection.execute(of_run)}
        newest = select(latest_metrics).where(latest_metrics.c.run_number == run_number).order_by(latest_metrics.c.key)
        for row in self._connection.execute(newest).all():
            if row.points == 1:
                yield row.key, _single(row)
                continue
            chunks = (
                select(metric_chunks.c.data)
                .where(metric_chunks.c.run_number == run_number, metric_chunks.c.key == row.key)
                .order_by(metric_chunks.c.chunk_number)
            )
            tail = unpack_segments(tails[row.key]) if row.key in tails else None
            if row.points > (len(tail.steps) if tail is not None else 0):
                for (data,) in self._connection.execute(chunks):
                    yield row.key, unpack_chunk(data)
            if tail is not None:
                yield row.key, tail

    # --- models ---------------------------------------------------------------------------------------------------

    def logged_models(self) -> Iterator[LoggedModelRecord]:
        """All, in the order of their ids."""
        last = ""
        while True:
            page = select(logged_models).where(logged_models.c.model_id > last).order_by(logged_models.c.model_id)
            found = self._connection.execute(page.limit(_MODELS_AT_ONCE)).all()
            if not found:
                return
            ids = [row.model_id for row in found]
            its_params = self._grouped(logged_model_params, "model_id", logged_model_params.c.model_id.in_(ids))
            its_tags = self._grouped(logged_model_tags, "model_id", logged_model_tags.c.model_id.in_(ids))
            points = self._grouped(logged_model_metrics, "model_id", logged_model_metrics.c.model_id.in_(ids))
            for row in found:
                yield LoggedModelRecord(
                    where=f"logged model {row.model_id}",
                    model_id=row.model_id,
                    experiment_key=str(row.experiment_id),
                    name=row.name,
                    artifact_location=row.artifact_location,
                    model_type=row.model_type,
                    source_run_id=row.source_run_id,
                    status=row.status,
                    creation_time_ms=row.creation_timestamp_ms,
                    last_update_time_ms=row.last_updated_timestamp_ms,
                    deleted=row.lifecycle_stage == DELETED,
                    params=[Param(one.key, one.value) for one in its_params.get(row.model_id, ())],
                    tags=[Tag(one.key, one.value) for one in its_tags.get(row.model_id, ())],
                    metrics=[(one.run_id, _model_metric(one)) for one in points.get(row.model_id, ())],
                )
            last = ids[-1]

    def registered_models(self) -> Iterator[RegisteredRecord]:
        """All, in the order of their names; numbers of versions that are gone stand as deleted versions."""
        for row in self._connection.execute(select(registered_models).order_by(registered_models.c.name)).all():
            by_id = row.registered_model_id
            its_tags = select(registered_model_tags).where(registered_model_tags.c.registered_model_id == by_id)
            aliases = select(registered_model_aliases).where(registered_model_aliases.c.registered_model_id == by_id)
            yield RegisteredRecord(
                where=f"registered model {row.name!r}",
                name=row.name,
                description=row.description,
                creation_time_ms=row.creation_timestamp_ms,
                last_update_time_ms=row.last_updated_timestamp_ms,
                tags=[Tag(one.key, one.value) for one in self._connection.execute(its_tags.order_by("key"))],
                aliases=[(one.alias, one.version) for one in self._connection.execute(aliases.order_by("alias"))],
                versions=list(self._versions(row)),
            )

    def _versions(self, model: Row) -> Iterator[VersionRecord]:
        of_model = model_versions.c.registered_model_id == model.registered_model_id
        found = self._connection.execute(select(model_versions).where(of_model).order_by(model_versions.c.version))
        its_tags = self._grouped(
            model_version_tags,
            "version_id",
            model_version_tags.c.version_id.in_(select(model_versions.c.version_id).where(of_model)),
        )
        there = 0
        for row in found.all():
            yield from _gone(model, range(there + 1, row.version))
            there = row.version
            yield VersionRecord(
                where=f"registered model {model.name!r}, version {row.version}",
                version=row.version,
                source=row.source,
                storage_location=row.storage_location,
                run_id=row.run_id,
                run_link=row.run_link,
                model_id=row.logged_model_id,
                description=row.description or "",
                stage=row.current_stage,
                creation_time_ms=row.creation_timestamp_ms,
                last_update_time_ms=row.last_updated_timestamp_ms,
                tags=[Tag(one.key, one.value) for one in its_tags.get(row.version_id, ())],
            )
        yield from _gone(model, range(there + 1, model.last_version + 1))


def _gone(model: Row, numbers: Iterable[int]) -> Iterator[VersionRecord]:
    """Versions of which only the numbers are left."""
    for number in numbers:
        yield VersionRecord(
            where=f"registered model {model.name!r}, version {number}",
            version=number,
            source="",
            storage_location="",
            run_id="",
            run_link="",
            model_id="",
            description="",
            stage="",
            creation_time_ms=model.creation_timestamp_ms,
            last_update_time_ms=model.creation_timestamp_ms,
            deleted=True,
        )


def _single(row: Row) -> Points:
    value = float(json.loads(row.value_json))
    return Points(array("q", [row.step]), array("q", [row.timestamp_ms]), array("d", [value]))


def _series(key: str, points: Points, start: int, end: int) -> MetricSeries:
    return MetricSeries(
        key=key,
        value=[event_value(value) for value in points.values[start:end]],
        timestamp_ms=points.timestamps_ms[start:end].tolist(),
        step=points.steps[start:end].tolist(),
    )


def _model_metric(row: Row) -> ModelMetric:
    return ModelMetric(
        model_id=row.model_id,
        key=row.key,
        value=json.loads(row.value_json),
        timestamp_ms=row.timestamp_ms,
        step=row.step,
        dataset_name=row.dataset_name,
        dataset_digest=row.dataset_digest,
    )
