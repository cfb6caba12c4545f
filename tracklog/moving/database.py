"""MLflow's database store of any revision, read as it is: its columns are found by looking, and nothing is upgraded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy import LargeBinary, Text, cast, func, null, select, type_coerce
from sqlalchemy.types import NullType

from schemas.events import DatasetInput, ModelOutput, Param, Tag
from tracklog.moving.cells import Cells
from tracklog.moving.database_contents import sizes, useless_tables
from tracklog.moving.database_datasets import EvaluatedReader
from tracklog.moving.database_models import LoggedModelReader
from tracklog.moving.database_points import COLUMNS, points_records
from tracklog.moving.database_registry import RegistryReader
from tracklog.moving.database_reviews import ReviewReader
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.database_traces import TraceReader, trace_sizes
from tracklog.moving.database_webhooks import ScorerReader, WebhookReader
from tracklog.moving.grouped import Block, Grouped, Row
from tracklog.moving.records import DELETED, ExperimentRecord, OddityRecord, Records, RunRecord, UnreadRecord
from tracklog.moving.stores import NoStore


class DatabaseReader:
    """Reads one store: its experiments and its runs itself, and hands on to others what they know.

    `records` looks which tables there are; before single kinds of things are read, whoever has the rows does.
    """

    def __init__(self, rows: DatabaseRows) -> None:
        self._rows = rows
        self._cells = Cells()

    def records(self) -> Records:
        """Everything. Raises NoStore where the database is none of MLflow's."""
        self._rows.look()
        self._rows.saves_what_it_can = True
        yield from useless_tables(self._rows)
        if len(missing := _OF_MLFLOW - self._rows.columns.keys()) > 1:
            raise NoStore("It has no tables of MLflow: experiments, runs and metrics.")
        for table in missing:
            yield OddityRecord("the source", f"table {table}", "it is not there; all else is read")
        yield from sizes(self._rows)
        yield from self.experiments()
        yield from self._runs()
        yield from self.logged_models()
        yield from self.registered_models()
        yield from trace_sizes(self._rows)
        yield from TraceReader(self._rows, self._cells).records()
        yield from EvaluatedReader(self._rows, self._cells).records()
        yield from WebhookReader(self._rows, self._cells).records()
        yield from ScorerReader(self._rows, self._cells).records()
        yield from ReviewReader(self._rows, self._cells).records()
        if self._rows.unread:
            yield UnreadRecord("the database", "; ".join(self._rows.unread))

    def logged_models(self) -> Records:
        return LoggedModelReader(self._rows, self._cells).records()

    def registered_models(self) -> Records:
        return RegistryReader(self._rows, self._cells).records()

    # --- experiments ----------------------------------------------------------------------------------------------

    def experiments(self) -> Records:
        """Those that are active first."""
        tags: dict[str, list[Tag]] = defaultdict(list)
        for row in self._rows.of("experiment_tags", ("experiment_id", "key", "value"), then=("experiment_id", "key")):
            where = f"experiment_tags, experiment {row[0]}"
            tags[str(row[0])].append(Tag(*self._cells.pair(row, "experiment tags", where)))
        starts = self._first_starts()
        names = (
            "experiment_id",
            "name",
            "artifact_location",
            "lifecycle_stage",
            "creation_time",
            "last_update_time",
        )
        found = list(self._rows.of("experiments", names, then=("experiment_id",)))
        for key, name, location, stage, created, updated in sorted(found, key=lambda row: row[3] == DELETED):
            where = f"experiments, experiment_id {key}"
            yield ExperimentRecord(
                where=where,
                key=str(key),
                experiment_id=str(key),
                name=self._cells.text(name, "experiments", where),
                artifact_location=self._cells.text(location, "experiments", where),
                deleted=self._cells.is_deleted(stage, "experiments", where),
                creation_time_ms=self._cells.number(created, "experiments", where) or starts.get(key),
                last_update_time_ms=self._cells.number(updated, "experiments", where),
                tags=tags.pop(str(key), ()),
            )
            yield from self._cells.take()
        for key, lost in tags.items():
            yield OddityRecord("experiment tags", f"experiment {key}", "there is no such experiment", len(lost))

    def _first_starts(self) -> dict[Any, int]:
        """When the first run of each experiment began, for experiments whose creation nobody wrote down."""
        if "runs" not in self._rows.columns:
            return {}
        runs = self._rows.table("runs")
        statement = (
            select(runs.c.experiment_id, func.min(runs.c.start_time))
            .where(runs.c.start_time > 0)
            .group_by(runs.c.experiment_id)
        )
        return {key: start for key, start in self._rows.run(statement) if isinstance(start, int)}

    # --- runs -----------------------------------------------------------------------------------------------------

    def runs_among(self, run_ids: Sequence[str]) -> Records:
        """Those of some runs that are there, without their points."""
        return self._runs(run_ids)

    def _runs(self, among: Sequence[str] | None = None) -> Records:
        """Each run followed by its points; `among`: only those of them that are there, and without points."""
        by_run, by_key = ("run_uuid",), ("key",)
        params = Grouped(self._params(among), "params")
        tags = Grouped(
            self._rows.blocks_of("tags", ("run_uuid", "key", "value"), by_run, then=by_key, among=among), "tags"
        )
        datasets = Grouped(self._dataset_inputs(among), "dataset inputs", _inputs_and_tags)
        inputs = Grouped(self._models_of_runs("RUN_INPUT", among), "model inputs")
        outputs = Grouped(self._models_of_runs("RUN_OUTPUT", among), "model outputs")
        points = Grouped(self._points() if among is None else iter(()), "metric points")
        streams = (params, tags, datasets, inputs, outputs, points)
        names = (
            "run_uuid",
            "experiment_id",
            "name",
            "user_id",
            "status",
            "start_time",
            "end_time",
            "artifact_uri",
            "lifecycle_stage",
            "deleted_time",
        )
        rows = chain.from_iterable(self._rows.blocks_of("runs", names, by_run, then=(), among=among))
        for row in rows:
            run_id = row[0]
            for stream in streams:
                yield from stream.before(run_id)
            where = f"runs, run_uuid {run_id!r:.50}"
            yield self._run_record(where, row, params, tags, datasets, inputs, outputs)
            yield from self._cells.take()
            of_run = points.blocks_of(run_id.encode("utf-8", "surrogateescape") if self._rows.is_sqlite else run_id)
            for record in points_records(self._cells.text(run_id, "runs", where), of_run, self._cells):
                yield record
                yield from self._cells.take()
        for stream in streams:
            yield from stream.before(None)
        yield from self._cells.take()

    def _params(self, among: Sequence[str] | None = None) -> Iterator[Block]:
        """run, key, value; FastTrackML has a column for each type of values."""
        if "value" in self._rows.columns.get("params", ("value",)):
            names = ("run_uuid", "key", "value")
            return self._rows.blocks_of("params", names, ("run_uuid",), then=("key",), among=among)
        params = self._rows.table("params")
        typed = [cast(params.c[one], Text) for one in _TYPED_VALUES if one in params.c]
        order = (self._rows.by_bytes(params.c.run_uuid), *(self._rows.by_row() or [params.c.key]))
        statement = select(params.c.run_uuid, params.c.key, func.coalesce(*typed, "")).order_by(*order)
        return self._rows.blocks(statement if among is None else statement.where(params.c.run_uuid.in_(among)))

    def _run_record(
        self,
        where: str,
        row: Row,
        params: Grouped,
        tags: Grouped,
        datasets: Grouped,
        inputs: Grouped,
        outputs: Grouped,
    ) -> RunRecord:
        cells = self._cells
        run_id, experiment, name, user, status, start, end, uri, stage, deleted = row
        return RunRecord(
            where=where,
            run_id=cells.text(run_id, "runs", where),
            experiment_key=str(experiment),
            name=cells.text(name, "runs", where),
            user_id=cells.text(user, "runs", where),
            status=cells.text(status, "runs", where),
            start_time_ms=cells.number(start, "runs", where),
            end_time_ms=cells.number(end, "runs", where),
            artifact_uri=cells.text(uri, "runs", where),
            deleted=cells.is_deleted(stage, "runs", where),
            deleted_time_ms=cells.number(deleted, "runs", where),
            params=[Param(*self._cells.pair(one, "params", where)) for one in params.of(run_id)],
            tags=[Tag(*self._cells.pair(one, "tags", where)) for one in tags.of(run_id)],
            datasets=list(self._inputs_of(datasets.of(run_id), where)),
            model_inputs=[cells.text(one[1], "model inputs", where) for one in inputs.of(run_id)],
            outputs=[
                ModelOutput(
                    cells.text(one[1], "model outputs", where), cells.number(one[2], "model outputs", where) or 0
                )
                for one in outputs.of(run_id)
            ],
        )

    def _dataset_inputs(self, among: Sequence[str] | None = None) -> Iterator[Block]:
        """run, input, dataset or None, its four texts, name and digest, tag key and value: a row for each tag."""
        if not {"inputs", "datasets"} <= self._rows.columns.keys():
            return iter(())
        inputs, datasets, tags = self._rows.table("inputs"), self._datasets(), self._rows.table("input_tags")
        has_tags = "input_tags" in self._rows.columns
        described = [datasets.c[name] if name in datasets.c else null().label(name) for name in _DESCRIBED]
        joined = inputs.outerjoin(datasets, inputs.c.source_id == datasets.c.dataset_uuid)
        if has_tags:
            joined = joined.outerjoin(tags, tags.c.input_uuid == inputs.c.input_uuid)
        statement = (
            select(
                inputs.c.destination_id,
                inputs.c.input_uuid,
                inputs.c.source_id,
                datasets.c.dataset_uuid,
                datasets.c.name,
                datasets.c.digest,
                *described,
                tags.c.name.label("tag_key") if has_tags else null(),
                tags.c.value.label("tag_value") if has_tags else null(),
            )
            .select_from(joined)
            .where(inputs.c.source_type == "DATASET")
            .order_by(
                self._rows.by_bytes(inputs.c.destination_id),
                *self._rows.by_row("inputs."),
                inputs.c.input_uuid,
                *([tags.c.name] if has_tags else []),
            )
        )
        if among is not None:
            statement = statement.where(inputs.c.destination_id.in_(among))
        return self._rows.blocks(statement)

    def _datasets(self) -> Any:
        """The table of datasets; where some have one id, whose inputs would count as often, one row of each."""
        datasets = self._rows.table("datasets")
        identity = datasets.c.dataset_uuid
        [(number, distinct)] = self._rows.run(select(func.count(identity), func.count(identity.distinct())))
        if number == distinct:
            return datasets
        others = [func.max(one).label(one.name) for one in datasets.c if one is not identity]
        return select(identity, *others).group_by(identity).subquery("datasets")

    def _inputs_of(self, rows: Iterable[Row], where: str) -> Iterator[DatasetInput]:
        cells, kind = self._cells, "dataset inputs"
        tags: dict[str, list[Tag]] = {}
        first: dict[str, Row] = {}
        for row in rows:
            first.setdefault(row[1], row)
            if row[10] is not None:
                tags.setdefault(row[1], []).append(Tag(*self._cells.pair(row, "tags of dataset inputs", where)))
        for key, row in first.items():
            if row[3] is None:
                cells.odd(kind, f"{where}, input {key}", f"left: its dataset {row[2]!r:.50} is not there", 1)
                if lost := len(tags.get(key, ())):
                    cells.odd("tags of dataset inputs", f"{where}, input {key}", "left: of an input that is", lost)
                continue
            yield DatasetInput(
                name=cells.text(row[4], kind, where),
                digest=cells.text(row[5], kind, where),
                source_type=cells.text(row[6], kind, where),
                source=cells.text(row[7], kind, where),
                schema=None if row[8] is None else cells.text(row[8], kind, where),
                profile=None if row[9] is None else cells.text(row[9], kind, where),
                tags=tags.get(key, []),
            )

    def _models_of_runs(self, role: str, among: Sequence[str] | None = None) -> Iterator[Block]:
        """run, model, step"""
        if "inputs" not in self._rows.columns:
            return iter(())
        inputs = self._rows.table("inputs")
        step = inputs.c.step if self._rows.has("inputs", "step") else null()
        statement = (
            select(inputs.c.source_id, inputs.c.destination_id, step)
            .where(inputs.c.source_type == role)
            .order_by(self._rows.by_bytes(inputs.c.source_id), *self._rows.by_row(), inputs.c.destination_id)
        )
        return self._rows.blocks(statement if among is None else statement.where(inputs.c.source_id.in_(among)))

    # --- points ---------------------------------------------------------------------------------------------------

    def _points(self) -> Iterator[Block]:
        """Rows as `database_points` takes them.

        In the order in which SQLite took them, which is that of logging; elsewhere by key, step, time and value. SQLite
        hands out texts as bytes here: to decode each would take half the time.
        """
        if "metrics" not in self._rows.columns:
            return iter(())
        metrics = self._rows.table("metrics")
        shown = [metrics.c[name] if name in metrics.c else null().label(name) for name in COLUMNS]
        if self._rows.is_sqlite:
            texts = [type_coerce(cast(one, LargeBinary), NullType()) for one in shown[:2]]
            return self._rows.blocks(select(*texts, *shown[2:]).order_by(metrics.c.run_uuid, *self._rows.by_row()))
        ordered = [metrics.c[one] for one in ("step", "timestamp", "value") if one in metrics.c]
        order = (self._rows.by_bytes(metrics.c.run_uuid), self._rows.by_bytes(metrics.c.key), *ordered)
        return self._rows.blocks(select(*shown).order_by(*order))


_OF_MLFLOW: Final = {"experiments", "runs", "metrics"}
"""Tables by which a database of MLflow is known: of each revision, and of one from which a table was removed."""

_TYPED_VALUES: Final = ("value_int", "value_float", "value_str")

_DESCRIBED: Final = ("dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile")


def _inputs_and_tags(rows: Block) -> dict[str, int]:
    """How many inputs and tags of inputs some rows of `_dataset_inputs` are."""
    return {
        "dataset inputs": len({row[1] for row in rows}),
        "tags of dataset inputs": sum(row[10] is not None for row in rows),
    }
