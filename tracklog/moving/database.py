"""MLflow's database store of any revision, read as it is: its columns are found by looking, and nothing is upgraded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    Engine,
    LargeBinary,
    Text,
    cast,
    collate,
    column,
    func,
    inspect,
    literal_column,
    null,
    select,
    true,
    type_coerce,
)
from sqlalchemy import table as table_named
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType

from schemas.events import DatasetInput, ModelMetric, ModelOutput, Param, Tag
from tracklog.moving.cells import Cells
from tracklog.moving.database_points import COLUMNS, point, points_records
from tracklog.moving.grouped import Block, Grouped, Row
from tracklog.moving.records import (
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    Records,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
    VersionRecord,
)
from tracklog.moving.stores import NoStore

DELETED: Final = "deleted"
DELETED_VERSION: Final = "Deleted_Internal"
"""The stage that MLflow gives a version it deletes; the row stays, so that its number is not given again."""
DEFAULT_WORKSPACE: Final = "default"

_ROWS_AT_ONCE: Final = 4096

_COUNTED: Final = {
    "experiments": "experiments",
    "experiment tags": "experiment_tags",
    "runs": "runs",
    "params": "params",
    "tags": "tags",
    "metric points": "metrics",
    "datasets": "datasets",
    "logged models": "logged_models",
    "params of logged models": "logged_model_params",
    "tags of logged models": "logged_model_tags",
    "points of logged models": "logged_model_metrics",
    "registered models": "registered_models",
    "tags of registered models": "registered_model_tags",
    "aliases": "registered_model_aliases",
    "model versions": "model_versions",
    "tags of model versions": "model_version_tags",
}
"""Kinds of things, and the table of each."""

_NEEDED: Final = {
    "experiments": ("experiment_id", "name"),
    "experiment_tags": ("experiment_id", "key", "value"),
    "runs": ("run_uuid", "experiment_id", "start_time"),
    "params": ("run_uuid", "key"),
    "tags": ("run_uuid", "key", "value"),
    "metrics": ("run_uuid", "key", "value", "timestamp"),
    "datasets": ("dataset_uuid", "name", "digest"),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_id"),
    "input_tags": ("input_uuid", "name", "value"),
    "logged_models": ("model_id", "experiment_id"),
    "logged_model_params": ("model_id", "param_key", "param_value"),
    "logged_model_tags": ("model_id", "tag_key", "tag_value"),
    "logged_model_metrics": ("model_id", "run_id", "metric_name", "metric_value"),
    "registered_models": ("name",),
    "registered_model_tags": ("name", "key", "value"),
    "registered_model_aliases": ("name", "alias", "version"),
    "model_versions": ("name", "version"),
    "model_version_tags": ("name", "version", "key", "value"),
}
"""Columns that each revision has, and without which rows mean nothing."""

_KINDS: Final = {table: kind for kind, table in _COUNTED.items()} | {
    "inputs": "inputs",
    "input_tags": "tags of dataset inputs",
}

_LEFT: Final = {
    "traces": "trace_info",
    "assessments": "assessments",
    "spans": "spans",
    "webhooks": "webhooks",
    "evaluation datasets": "evaluation_datasets",
    "scorers": "scorers",
    "links between things": "entity_associations",
    "endpoints of the gateway": "endpoints",
}
"""What is not imported, and is counted."""


class DatabaseReader:
    """Reads one store. Each stream of rows has a connection of its own: MySQL has one open result a connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._cells = Cells()
        self._columns: dict[str, set[str]] = {}

    def records(self) -> Records:
        """Everything. Raises NoStore where the database is none of MLflow's."""
        with self._engine.connect() as connection:
            catalogue = inspect(connection)
            for name in catalogue.get_table_names():
                self._columns[name] = {one["name"] for one in catalogue.get_columns(name)}
        yield from self._useless()
        if not {"experiments", "runs", "metrics"} <= self._columns.keys():
            raise NoStore("It has no tables of MLflow: experiments, runs and metrics.")
        yield from self._sizes()
        yield from self._experiments()
        yield from self._runs()
        yield from self._logged_models()
        yield from self._registry()

    def _useless(self) -> Records:
        """Tables without the columns that say what their rows are about, which are as if they were not there."""
        for table, needed in _NEEDED.items():
            if table in self._columns and (missing := set(needed) - self._columns[table]):
                number = self._count(table)
                what = f"left: it has no column {', '.join(sorted(missing))}"
                yield SizeRecord(_KINDS[table], number)
                yield OddityRecord(_KINDS[table], f"table {table}", what, number)
                del self._columns[table]

    # --- rows -----------------------------------------------------------------------------------------------------

    def _table(self, name: str) -> Any:
        return table_named(name, *(column(one) for one in sorted(self._columns.get(name, ()))))

    def _has(self, table: str, name: str) -> bool:
        return name in self._columns.get(table, ())

    def _rows(
        self, table: str, names: Sequence[str], order: Sequence[str] = (), *, then: Sequence[str]
    ) -> Iterator[Row]:
        """The named columns of each row, None where the table has no such column; no rows where there is no table.

        In the order of the bytes of `order`, then in that in which SQLite took them, elsewhere in that of `then`: at
        each import the same.
        """
        for block in self._blocks_of(table, names, order, then=then):
            yield from block

    def _blocks_of(
        self, table: str, names: Sequence[str], order: Sequence[str] = (), *, then: Sequence[str]
    ) -> Iterator[Block]:
        if table not in self._columns:
            return iter(())
        source = self._table(table)
        shown = [source.c[name] if name in source.c else null().label(name) for name in names]
        within = self._by_row() if self._is_sqlite else [source.c[name] for name in then if name in source.c]
        return self._blocks(select(*shown).order_by(*(self._by_bytes(source.c[name]) for name in order), *within))

    def _run(self, statement: Any) -> Iterator[Row]:
        for block in self._blocks(statement):
            yield from block

    def _blocks(self, statement: Any) -> Iterator[Block]:
        """Of SQLite as its driver has them: to make rows of SQLAlchemy's of them takes as long as to read them."""
        with self._engine.connect() as connection:
            if not self._is_sqlite:
                found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement)
                yield from found.partitions()
                return
            cursor: Any = connection.execute(statement).cursor
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield rows

    def _by_bytes(self, of: ColumnElement[Any]) -> ColumnElement[Any]:
        """Text in the order of its code points: streams of rows are joined by comparing their keys here."""
        match self._engine.dialect.name:
            case "postgresql":
                return collate(of, "C")
            case "mysql" | "mariadb":
                return cast(of, LargeBinary)
            case "mssql":
                return collate(of, "Latin1_General_BIN2")
            case _:
                return of

    def _by_row(self, prefix: str = "") -> list[ColumnElement[Any]]:
        return [literal_column(f"{prefix}rowid")] if self._is_sqlite else []

    def _count(self, table: str) -> int:
        if table not in self._columns:
            return 0
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(self._table(table))).scalar_one())

    def _odd(self) -> list[OddityRecord]:
        return self._cells.take()

    def _pair(self, row: Row, kind: str, where: str) -> tuple[str, str]:
        """The last two columns of a row: a key and its text."""
        key = self._cells.text(row[-2], kind, where)
        return key, self._cells.text(row[-1], kind, f"{where}, {key!r}")

    # --- what there is --------------------------------------------------------------------------------------------

    def _sizes(self) -> Records:
        for kind, table in _COUNTED.items():
            yield SizeRecord(kind, self._count(table))
        roles: dict[str, int] = defaultdict(int)
        if "inputs" in self._columns:
            inputs = self._table("inputs")
            counted = select(inputs.c.source_type, func.count()).group_by(inputs.c.source_type)
            for role, number in self._run(counted):
                roles[str(role)] += number
        yield SizeRecord("dataset inputs", roles.pop("DATASET", 0))
        yield SizeRecord("model inputs", roles.pop("RUN_INPUT", 0))
        yield SizeRecord("model outputs", roles.pop("RUN_OUTPUT", 0))
        yield SizeRecord("tags of dataset inputs", self._count("input_tags"))
        yield SizeRecord("inputs", sum(roles.values()))
        for role, number in roles.items():
            yield OddityRecord(
                "inputs", f"table inputs, source_type {role!r:.100}", "no role that is known; left", number
            )
        if {"inputs", "input_tags"} <= self._columns.keys():
            inputs, tags = self._table("inputs"), self._table("input_tags")
            without = tags.c.input_uuid.not_in(select(inputs.c.input_uuid))
            [(strays,)] = self._run(select(func.count()).select_from(tags).where(without))
            if strays:
                yield OddityRecord("tags of dataset inputs", "table input_tags", "of no input that is there", strays)
        if "datasets" in self._columns:
            inputs, datasets = self._table("inputs"), self._table("datasets")
            unread: ColumnElement[bool] = true()
            if "inputs" in self._columns:
                read = select(inputs.c.source_id).where(inputs.c.source_type == "DATASET")
                unread = datasets.c.dataset_uuid.not_in(read)
            for name, digest in self._run(select(datasets.c.name, datasets.c.digest).where(unread)):
                what = f"left: no run reads {name!r:.100}, {digest!r:.50}"
                yield OddityRecord("datasets", "table datasets", what, 1)
        for kind, table in _LEFT.items():
            if number := self._count(table):
                yield SizeRecord(kind, number)
                yield OddityRecord(kind, f"table {table}", "not imported", number)
        yield from self._of_fasttrackml()
        for workspace in self._workspaces():
            yield OddityRecord(
                "workspaces", f"workspace {workspace!r:.100}", "what is in it is imported beside all else"
            )

    def _of_fasttrackml(self) -> Records:
        """What FastTrackML's databases have more than MLflow's, and that has no place here."""
        for table, column_name, kind in (
            ("metrics", "context", "metric points"),
            ("metrics", "context_id", "metric points"),
            ("experiments", "namespace_id", "experiments"),
        ):
            if self._has(table, column_name):
                of = self._table(table).c[column_name]
                values = [value for (value,) in self._run(select(of).distinct()) if value not in (None, "", "{}")]
                if len(values) > (column_name != "context"):
                    what = f"not kept; {kind} of all {len(values)} are together"
                    yield OddityRecord(kind, f"table {table}, column {column_name}", what)

    def _workspaces(self) -> list[str]:
        found: set[str] = set()
        for table in ("experiments", "registered_models"):
            if self._has(table, "workspace"):
                found.update(str(one) for (one,) in self._run(select(self._table(table).c.workspace).distinct()))
        return sorted(found - {DEFAULT_WORKSPACE, "None"})

    # --- experiments ----------------------------------------------------------------------------------------------

    def _experiments(self) -> Records:
        tags: dict[str, list[Tag]] = defaultdict(list)
        for row in self._rows("experiment_tags", ("experiment_id", "key", "value"), then=("experiment_id", "key")):
            where = f"experiment_tags, experiment {row[0]}"
            tags[str(row[0])].append(Tag(*self._pair(row, "experiment tags", where)))
        starts = self._first_starts()
        names = (
            "experiment_id",
            "name",
            "artifact_location",
            "lifecycle_stage",
            "creation_time",
            "last_update_time",
        )
        found = list(self._rows("experiments", names, then=("experiment_id",)))
        for key, name, location, stage, created, updated in sorted(found, key=lambda row: row[3] == DELETED):
            where = f"experiments, experiment_id {key}"
            yield ExperimentRecord(
                where=where,
                key=str(key),
                experiment_id=str(key),
                name=self._cells.text(name, "experiments", where),
                artifact_location=self._cells.text(location, "experiments", where),
                deleted=stage == DELETED,
                creation_time_ms=self._cells.number(created, "experiments", where) or starts.get(key),
                last_update_time_ms=self._cells.number(updated, "experiments", where),
                tags=tags.pop(str(key), ()),
            )
            yield from self._odd()
        for key, lost in tags.items():
            yield OddityRecord("experiment tags", f"experiment {key}", "there is no such experiment", len(lost))

    def _first_starts(self) -> dict[Any, int]:
        """When the first run of each experiment began, for experiments whose creation nobody wrote down."""
        runs = self._table("runs")
        statement = (
            select(runs.c.experiment_id, func.min(runs.c.start_time))
            .where(runs.c.start_time > 0)
            .group_by(runs.c.experiment_id)
        )
        return {key: start for key, start in self._run(statement) if isinstance(start, int)}

    # --- runs -----------------------------------------------------------------------------------------------------

    def _runs(self) -> Records:
        by_run, by_key = ("run_uuid",), ("key",)
        params = Grouped(self._params(), "params")
        tags = Grouped(self._blocks_of("tags", ("run_uuid", "key", "value"), by_run, then=by_key), "tags")
        datasets = Grouped(self._dataset_inputs(), "dataset inputs", _inputs_and_tags)
        inputs = Grouped(self._models_of_runs("RUN_INPUT"), "model inputs")
        outputs = Grouped(self._models_of_runs("RUN_OUTPUT"), "model outputs")
        points = Grouped(self._points(), "metric points")
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
        for row in self._rows("runs", names, by_run, then=()):
            run_id = row[0]
            for stream in streams:
                yield from stream.before(run_id)
            where = f"runs, run_uuid {run_id!r:.50}"
            yield self._run_record(where, row, params, tags, datasets, inputs, outputs)
            yield from self._odd()
            of_run = points.blocks_of(run_id.encode("utf-8", "surrogateescape") if self._is_sqlite else run_id)
            for record in points_records(self._cells.text(run_id, "runs", where), of_run, self._cells):
                yield record
                yield from self._odd()
        for stream in streams:
            yield from stream.before(None)
        yield from self._odd()

    def _params(self) -> Iterator[Block]:
        """run, key, value; FastTrackML has a column for each type of values."""
        if "value" in self._columns.get("params", ("value",)):
            return self._blocks_of("params", ("run_uuid", "key", "value"), ("run_uuid",), then=("key",))
        params = self._table("params")
        typed = [cast(params.c[one], Text) for one in _TYPED_VALUES if one in params.c]
        order = (self._by_bytes(params.c.run_uuid), *(self._by_row() or [params.c.key]))
        return self._blocks(select(params.c.run_uuid, params.c.key, func.coalesce(*typed, "")).order_by(*order))

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
            deleted=stage == DELETED,
            deleted_time_ms=cells.number(deleted, "runs", where),
            params=[Param(*self._pair(one, "params", where)) for one in params.of(run_id)],
            tags=[Tag(*self._pair(one, "tags", where)) for one in tags.of(run_id)],
            datasets=list(self._inputs_of(datasets.of(run_id), where)),
            model_inputs=[cells.text(one[1], "model inputs", where) for one in inputs.of(run_id)],
            outputs=[
                ModelOutput(
                    cells.text(one[1], "model outputs", where), cells.number(one[2], "model outputs", where) or 0
                )
                for one in outputs.of(run_id)
            ],
        )

    def _dataset_inputs(self) -> Iterator[Block]:
        """run, input, dataset or None, its four texts, name and digest, tag key and value: a row for each tag."""
        if not {"inputs", "datasets"} <= self._columns.keys():
            return iter(())
        inputs, datasets, tags = self._table("inputs"), self._table("datasets"), self._table("input_tags")
        has_tags = "input_tags" in self._columns
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
                self._by_bytes(inputs.c.destination_id),
                *self._by_row("inputs."),
                inputs.c.input_uuid,
                *([tags.c.name] if has_tags else []),
            )
        )
        return self._blocks(statement)

    def _inputs_of(self, rows: Iterable[Row], where: str) -> Iterator[DatasetInput]:
        cells, kind = self._cells, "dataset inputs"
        tags: dict[str, list[Tag]] = {}
        first: dict[str, Row] = {}
        for row in rows:
            first.setdefault(row[1], row)
            if row[10] is not None:
                tags.setdefault(row[1], []).append(Tag(*self._pair(row, "tags of dataset inputs", where)))
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

    def _models_of_runs(self, role: str) -> Iterator[Block]:
        """run, model, step"""
        if "inputs" not in self._columns:
            return iter(())
        inputs = self._table("inputs")
        step = inputs.c.step if self._has("inputs", "step") else null()
        return self._blocks(
            select(inputs.c.source_id, inputs.c.destination_id, step)
            .where(inputs.c.source_type == role)
            .order_by(self._by_bytes(inputs.c.source_id), *self._by_row(), inputs.c.destination_id)
        )

    # --- points ---------------------------------------------------------------------------------------------------

    def _points(self) -> Iterator[Block]:
        """Rows as `database_points` takes them.

        In the order in which SQLite took them, which is that of logging; elsewhere by key, step, time and value. SQLite
        hands out texts as bytes here: to decode each would take half the time.
        """
        metrics = self._table("metrics")
        shown = [metrics.c[name] if name in metrics.c else null().label(name) for name in COLUMNS]
        if self._is_sqlite:
            texts = [type_coerce(cast(one, LargeBinary), NullType()) for one in shown[:2]]
            return self._blocks(select(*texts, *shown[2:]).order_by(metrics.c.run_uuid, *self._by_row()))
        ordered = [metrics.c[one] for one in ("step", "timestamp", "value") if one in metrics.c]
        order = (self._by_bytes(metrics.c.run_uuid), self._by_bytes(metrics.c.key), *ordered)
        return self._blocks(select(*shown).order_by(*order))

    # --- logged models --------------------------------------------------------------------------------------------

    def _logged_models(self) -> Records:
        by_model = ("model_id",)
        kinds = ("params of logged models", "tags of logged models", "points of logged models")
        params = Grouped(
            self._blocks_of(
                "logged_model_params", ("model_id", "param_key", "param_value"), by_model, then=("param_key",)
            ),
            kinds[0],
        )
        tags = Grouped(
            self._blocks_of("logged_model_tags", ("model_id", "tag_key", "tag_value"), by_model, then=("tag_key",)),
            kinds[1],
        )
        columns = (
            "model_id",
            "run_id",
            "metric_name",
            "metric_value",
            "metric_timestamp_ms",
            "metric_step",
            "dataset_name",
            "dataset_digest",
        )
        points = Grouped(
            self._blocks_of(
                "logged_model_metrics",
                columns,
                by_model,
                then=("run_id", "metric_name", "metric_step", "metric_timestamp_ms"),
            ),
            kinds[2],
        )
        names = (
            "model_id",
            "experiment_id",
            "name",
            "artifact_location",
            "model_type",
            "source_run_id",
            "status",
            "creation_timestamp_ms",
            "last_updated_timestamp_ms",
            "lifecycle_stage",
            "status_message",
        )
        kind, cells = "logged models", self._cells
        for row in self._rows("logged_models", names, by_model, then=()):
            model_id = row[0]
            for stream in (params, tags, points):
                yield from stream.before(model_id)
            where = f"logged_models, model_id {model_id!r:.50}"
            if row[10]:
                cells.odd(kind, where, f"its status message is not kept: {row[10]!r:.200}")
            yield LoggedModelRecord(
                where=where,
                model_id=cells.text(model_id, kind, where),
                experiment_key=str(row[1]),
                name=cells.text(row[2], kind, where),
                artifact_location=cells.text(row[3], kind, where),
                model_type=cells.text(row[4], kind, where),
                source_run_id=cells.text(row[5], kind, where),
                status=cells.number(row[6], kind, where) or 1,
                creation_time_ms=cells.number(row[7], kind, where),
                last_update_time_ms=cells.number(row[8], kind, where),
                deleted=row[9] == DELETED,
                params=[Param(*self._pair(one, kinds[0], where)) for one in params.of(model_id)],
                tags=[Tag(*self._pair(one, kinds[1], where)) for one in tags.of(model_id)],
                metrics=[found for one in points.of(model_id) if (found := self._model_point(where, one)) is not None],
            )
            yield from self._odd()
        for stream in (params, tags, points):
            yield from stream.before(None)

    def _model_point(self, where: str, row: Row) -> tuple[str, ModelMetric] | None:
        model_id, run_id, name, value, time_ms, step, dataset, digest = row
        kind = "points of logged models"
        found = point(self._cells, kind, where, value, time_ms, step, False)
        if found is None:
            return None
        return self._cells.text(run_id, kind, where), ModelMetric(
            model_id=self._cells.text(model_id, kind, where),
            key=self._cells.text(name, kind, where),
            value=found[0],
            timestamp_ms=found[1],
            step=found[2],
            dataset_name=None if dataset is None else self._cells.text(dataset, kind, where),
            dataset_digest=None if digest is None else self._cells.text(digest, kind, where),
        )

    # --- the registry ---------------------------------------------------------------------------------------------

    def _registry(self) -> Records:
        """Held in memory: of a registry there is not much."""
        tags = self._by_model("registered_model_tags", ("key", "value"))
        aliases = self._by_model("registered_model_aliases", ("alias", "version"))
        version_tags = self._by_model("model_version_tags", ("version", "key", "value"))
        versions = self._by_model("model_versions", _VERSION)
        kind, cells = "registered models", self._cells
        names = ("workspace", "name", "description", "creation_time", "last_updated_time")
        for workspace, name, description, created, updated in self._rows("registered_models", names, then=names[:2]):
            key = (workspace, name)
            where = f"registered_models, name {name!r:.100}"
            its_tags = defaultdict(list)
            for row in version_tags.pop(key, ()):
                its_tags[row[0]].append(Tag(*self._pair(row, "tags of model versions", f"{where}, version {row[0]}")))
            numbered = [self._version(where, row, its_tags.pop(row[0], ())) for row in versions.pop(key, ())]
            for number, lost in its_tags.items():
                cells.odd("tags of model versions", f"{where}, version {number}", "there is no such version", len(lost))
            yield RegisteredRecord(
                where=where,
                name=cells.text(name, kind, where),
                description=cells.text(description, kind, where),
                creation_time_ms=cells.number(created, kind, where),
                last_update_time_ms=cells.number(updated, kind, where),
                tags=[Tag(*self._pair(row, "tags of registered models", where)) for row in tags.pop(key, ())],
                aliases=[
                    (cells.text(alias, "aliases", where), cells.number(version, "aliases", where) or 0)
                    for alias, version in aliases.pop(key, ())
                ],
                versions=sorted(numbered, key=lambda one: one.version),
            )
            yield from self._odd()
        for kind, rest in (
            ("tags of registered models", tags),
            ("aliases", aliases),
            ("tags of model versions", version_tags),
            ("model versions", versions),
        ):
            for (_, name), rows in rest.items():
                yield OddityRecord(kind, f"model {name!r:.100}", "there is no such registered model", len(rows))

    def _by_model(self, table: str, names: Sequence[str]) -> dict[tuple[Any, Any], list[Row]]:
        found: dict[tuple[Any, Any], list[Row]] = defaultdict(list)
        for row in self._rows(table, ("workspace", "name", *names), then=("workspace", "name", *names[:2])):
            found[row[0], row[1]].append(row[2:])
        return found

    def _version(self, where: str, row: Row, tags: Sequence[Tag]) -> VersionRecord:
        kind, cells = "model versions", self._cells
        (
            version,
            source,
            location,
            run_id,
            run_link,
            model_id,
            description,
            stage,
            status,
            message,
            created,
            updated,
            user,
        ) = row
        where = f"{where}, version {version}"
        if status not in (None, "", "READY") or message:
            cells.odd(kind, where, f"its status is not kept: {status!r:.50}, {message!r:.200}")
        if user:
            cells.odd(kind, where, f"who made it is not kept: {user!r:.100}")
        return VersionRecord(
            where=where,
            version=cells.number(version, kind, where) or 0,
            source=cells.text(source, kind, where),
            storage_location=cells.text(location, kind, where),
            run_id=cells.text(run_id, kind, where),
            run_link=cells.text(run_link, kind, where),
            model_id=cells.text(model_id, kind, where),
            description=cells.text(description, kind, where),
            stage=cells.text(stage, kind, where),
            creation_time_ms=cells.number(created, kind, where),
            last_update_time_ms=cells.number(updated, kind, where),
            deleted=stage == DELETED_VERSION,
            tags=tags,
        )


_TYPED_VALUES: Final = ("value_int", "value_float", "value_str")

_DESCRIBED: Final = ("dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile")

_VERSION: Final = (
    "version",
    "source",
    "storage_location",
    "run_id",
    "run_link",
    "model_id",
    "description",
    "current_stage",
    "status",
    "status_message",
    "creation_time",
    "last_updated_time",
    "user_id",
)


def _inputs_and_tags(rows: Block) -> dict[str, int]:
    """How many inputs and tags of inputs some rows of `_dataset_inputs` are."""
    return {
        "dataset inputs": len({row[1] for row in rows}),
        "tags of dataset inputs": sum(row[10] is not None for row in rows),
    }
