"""A database store as MLflow 3.17 has it, written from records."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final

from schemas.dataset_records import input_hash
from schemas.events import DatasetInput, MetricSeries
from schemas.metric_values import stored_value
from schemas.mlflow import RUN_STATUSES, lifecycle_stage
from tracklog.moving import mlflow_reviews, mlflow_traces
from tracklog.moving.database_contents import ASSOCIATIONS, DEFAULT_WORKSPACE, EVALUATED, EXPERIMENT
from tracklog.moving.database_datasets import WRAPPED
from tracklog.moving.records import (
    DELETED_VERSION,
    EvaluatedRecord,
    ExampleRecord,
    ExperimentRecord,
    IssueRecord,
    LabelSchemaRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Record,
    Records,
    RegisteredRecord,
    ReviewItemsRecord,
    ReviewQueueRecord,
    RunRecord,
    ScorerRecord,
    SizeRecord,
    SpansRecord,
    TraceRecord,
    VersionRecord,
    WebhookRecord,
)
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.written_rows import WrittenRows

REVISION: Final = "dc11669786a5"
"""The head of MLflow 3.17's migrations, by which it takes a database for its own as it is."""

_BUFFERED_ROWS: Final = 10_000
_BUFFERED_CHARACTERS: Final = 8 * 1024 * 1024
"""So much waits to be written together."""

_UNNAMED: Final = "UNKNOWN"
"""The type of the source of a run that a client made."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "experiments": (
        "experiment_id",
        "name",
        "artifact_location",
        "lifecycle_stage",
        "creation_time",
        "last_update_time",
        "workspace",
    ),
    "experiment_tags": ("experiment_id", "key", "value"),
    "runs": (
        "run_uuid",
        "name",
        "source_type",
        "source_name",
        "entry_point_name",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "source_version",
        "lifecycle_stage",
        "artifact_uri",
        "experiment_id",
        "deleted_time",
    ),
    "params": ("run_uuid", "key", "value"),
    "tags": ("run_uuid", "key", "value"),
    "metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
    "latest_metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
    "datasets": (
        "experiment_id",
        "name",
        "digest",
        "dataset_uuid",
        "dataset_source_type",
        "dataset_source",
        "dataset_schema",
        "dataset_profile",
    ),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_type", "destination_id", "step"),
    "input_tags": ("input_uuid", "name", "value"),
    "logged_models": (
        "model_id",
        "experiment_id",
        "name",
        "artifact_location",
        "creation_timestamp_ms",
        "last_updated_timestamp_ms",
        "status",
        "lifecycle_stage",
        "model_type",
        "source_run_id",
    ),
    "logged_model_params": ("model_id", "experiment_id", "param_key", "param_value"),
    "logged_model_tags": ("model_id", "experiment_id", "tag_key", "tag_value"),
    "logged_model_metrics": (
        "model_id",
        "metric_name",
        "metric_timestamp_ms",
        "metric_step",
        "metric_value",
        "experiment_id",
        "run_id",
        "dataset_uuid",
        "dataset_name",
        "dataset_digest",
    ),
    "registered_models": ("name", "creation_time", "last_updated_time", "description", "workspace"),
    "registered_model_tags": ("name", "key", "value", "workspace"),
    "model_versions": (
        "name",
        "version",
        "creation_time",
        "last_updated_time",
        "description",
        "current_stage",
        "source",
        "run_id",
        "status",
        "run_link",
        "storage_location",
        "workspace",
    ),
    "model_version_tags": ("name", "version", "key", "value", "workspace"),
    "registered_model_aliases": ("name", "alias", "version", "workspace"),
    **mlflow_traces.COLUMNS,
    "evaluation_datasets": (
        "dataset_id",
        "name",
        "schema",
        "profile",
        "digest",
        "created_time",
        "last_update_time",
        "created_by",
        "last_updated_by",
        "workspace",
    ),
    "evaluation_dataset_tags": ("dataset_id", "key", "value"),
    "evaluation_dataset_records": (
        "dataset_record_id",
        "dataset_id",
        "inputs",
        "expectations",
        "tags",
        "source",
        "source_id",
        "source_type",
        "created_time",
        "last_update_time",
        "created_by",
        "last_updated_by",
        "input_hash",
        "outputs",
    ),
    ASSOCIATIONS: (
        "association_id",
        "source_type",
        "source_id",
        "destination_type",
        "destination_id",
        "created_time",
    ),
    "scorers": ("experiment_id", "scorer_name", "scorer_id"),
    "scorer_versions": ("scorer_id", "scorer_version", "serialized_scorer", "creation_time"),
    "online_scoring_configs": (
        "online_scoring_config_id",
        "scorer_id",
        "sample_rate",
        "experiment_id",
        "filter_string",
    ),
    "webhooks": (
        "webhook_id",
        "name",
        "description",
        "url",
        "status",
        "creation_timestamp",
        "last_updated_timestamp",
        "workspace",
    ),
    "webhook_events": ("webhook_id", "entity", "action"),
    **mlflow_reviews.COLUMNS,
}
"""The columns that are filled, by table; what rows refer to is in tables before theirs."""

_KINDS: Final = {
    "experiments": "experiments",
    "experiment_tags": "experiment tags",
    "runs": "runs",
    "params": "params",
    "tags": "tags",
    "metrics": "metric points",
    "datasets": "datasets",
    "input_tags": "tags of dataset inputs",
    "logged_models": "logged models",
    "logged_model_params": "params of logged models",
    "logged_model_tags": "tags of logged models",
    "logged_model_metrics": "points of logged models",
    "registered_models": "registered models",
    "registered_model_tags": "tags of registered models",
    "model_version_tags": "tags of model versions",
    "registered_model_aliases": "aliases",
    "trace_info": "traces",
    "assessments": "assessments",
    "spans": "spans",
    "evaluation_datasets": "evaluation datasets",
    "evaluation_dataset_tags": "tags of evaluation datasets",
    "evaluation_dataset_records": "records of evaluation datasets",
    ASSOCIATIONS: "links between things",
    "scorers": "scorers",
    "scorer_versions": "versions of scorers",
    "webhooks": "webhooks",
    **mlflow_reviews.KINDS,
}
"""How the report calls the rows of a table; those that it does not name are counted by what is in them."""

_NAMES: Final = {
    **_KINDS,
    "trace_tags": "tags of traces",
    "trace_request_metadata": "metadata of traces",
    **mlflow_reviews.NAMES,
}
"""How it calls what of a table has to be left."""

_OWN_ROWS: Final = frozenset(
    {
        "experiments",
        "runs",
        "logged_models",
        "registered_models",
        "model_versions",
        "trace_info",
        "evaluation_datasets",
        "scorers",
        "webhooks",
        "issues",
        "label_schemas",
        "review_queues",
    }
)
"""Without such a row all that is its own would be lost: a text that is too long is cut, and not left."""


def tables_in(dialect: str) -> Iterator[str]:
    """The statements that make MLflow's tables in a dialect of SQLAlchemy's, and fill what it needs to know them."""
    text = files("tracklog.moving").joinpath("mlflow_tables.sql").read_text(encoding="utf-8")
    if dialect == "sqlite":
        text = text.replace("BIGSERIAL", "INTEGER").replace("SERIAL", "INTEGER").replace("BYTEA", "BLOB")
    yield from filter(None, map(str.strip, text.split(";\n")))
    yield f"INSERT INTO alembic_version (version_num) VALUES ('{REVISION}')"
    yield (
        "INSERT INTO workspaces (name, description) "
        f"VALUES ('{DEFAULT_WORKSPACE}', 'Default workspace for legacy resources')"
    )


class MlflowDatabase:
    """Fills the tables of one database by `rows`, some thousand rows at a time."""

    def __init__(self, rows: WrittenRows, roots: Roots, report: Report) -> None:
        self._rows = rows
        self._roots = roots
        self._report = report
        self._waiting: dict[str, list[Sequence[Any]]] = {table: [] for table in COLUMNS}
        self._number = self._characters = 0
        self._ids: dict[str, int] = {}  # of experiments there, by their keys
        self._taken: set[int] = set()
        self._unnumbered: list[ExperimentRecord] = []  # all come before what is in them
        self._latest: dict[str, tuple[tuple[int, int, float], Sequence[Any]]] = {}  # of the run whose points come
        self._run = ""
        self._traces = mlflow_traces.TraceRows(self._put, self._associate, report, self._ids)
        self._reviews = mlflow_reviews.ReviewRows(self._put, report, self._ids)

    def write(self, records: Records) -> None:
        """Fill the tables with everything. Raises TargetUnfit."""
        for record in records:
            self._record(record)
        self._experiments()
        self._end_run()
        self._flush()
        self._rows.number_on("experiments", "experiment_id")

    def _record(self, record: Record) -> None:
        match record:
            case SizeRecord():
                self._report.tally(record.kind).source += record.number
            case OddityRecord():
                self._report.odd(record.kind, record.where, record.what, record.lost)
            case PointsRecord():
                for series in record.metrics:
                    self._points(record.run_id, series)
            case ExperimentRecord():
                self._unnumbered.append(record)
            case RunRecord():
                self._experiments()
                self._end_run()
                self._run_row(record)
            case LoggedModelRecord():
                self._experiments()
                self._end_run()
                self._logged_model(record)
            case RegisteredRecord():
                self._end_run()
                self._registered_model(record)
            case _:
                self._experiments()
                self._end_run()
                self._other(record)

    def _other(self, record: Record) -> None:
        """What no run and no model is about."""
        match record:
            case TraceRecord():
                self._traces.begin(record)
            case SpansRecord():
                self._traces.spans(record)
            case EvaluatedRecord():
                self._evaluated(record)
            case ExampleRecord():
                self._example(record)
            case ScorerRecord():
                self._scorer(record)
            case WebhookRecord():
                self._webhook(record)
            case IssueRecord():
                self._reviews.issue(record)
            case LabelSchemaRecord():
                self._reviews.label_schema(record)
            case ReviewQueueRecord():
                self._reviews.review_queue(record)
            case ReviewItemsRecord():
                self._reviews.items(record)
            case _:
                pass  # a read model hands out neither accounts nor roles

    # --- rows -----------------------------------------------------------------------------------------------------

    def _put(self, table: str, where: str, *values: Any) -> bool:
        """One more row; False where the columns cannot hold it."""
        fitting = self._fitting(table, where, values)
        if fitting is None:
            return False
        self._waiting[table].append(fitting)
        self._number += 1
        self._characters += sum(len(value) for value in fitting if value.__class__ is str)
        if self._number >= _BUFFERED_ROWS or self._characters >= _BUFFERED_CHARACTERS:
            self._flush()
        return True

    def _fitting(self, table: str, where: str, values: Sequence[Any]) -> Sequence[Any] | None:
        """The values as the columns can hold them, None where they cannot."""
        longest = self._rows.longest(table)
        if longest is None:
            return values
        kept = list(values)
        for index, (name, value) in enumerate(zip(COLUMNS[table], values, strict=True)):
            most = longest.get(name)
            if most is None or value.__class__ is not str or len(value) <= most:
                continue
            what = f"its {name} has {len(value)} characters, and the column takes {most}"
            if table not in _OWN_ROWS:
                self._report.odd(_NAMES.get(table, table), where, f"left: {what}", 1)
                return None
            self._report.odd(_NAMES.get(table, table), where, f"{what}: it is cut")
            kept[index] = value[:most]
        return kept

    def _flush(self) -> None:
        for table, rows in self._waiting.items():
            if not rows:
                continue
            written = self._rows.insert(table, COLUMNS[table], rows)
            kind = _KINDS.get(table)
            if kind is not None:
                self._report.tally(kind).imported += written
            if table == "metrics" and written < len(rows):
                what = "points that are alike in step, time and value are one row"
                self._report.odd("metric points", "table metrics", what, len(rows) - written)
            rows.clear()
        self._number = self._characters = 0

    # --- experiments ----------------------------------------------------------------------------------------------

    def _experiments(self) -> None:
        """All that wait for their ids. One whose own is too large there gets the lowest that no other has."""
        records, self._unnumbered = self._unnumbered, []
        ids = {int(one.experiment_id) for one in records}
        free = (number for number in itertools.count(1) if number not in ids and number not in self._taken)
        for record in records:
            experiment_id = int(record.experiment_id)
            if experiment_id > self._rows.largest_id:
                experiment_id = next(free)
                self._report.renamed.append(("experiment", record.experiment_id, str(experiment_id)))
            self._taken.add(experiment_id)
            self._experiment(record, experiment_id)

    def _experiment(self, record: ExperimentRecord, experiment_id: int) -> None:
        self._ids[record.key] = experiment_id
        location = self._roots.location(record.artifact_location)
        self._put(
            "experiments",
            record.where,
            experiment_id,
            record.name,
            location,
            lifecycle_stage(not record.deleted),
            record.creation_time_ms,
            record.last_update_time_ms,
            DEFAULT_WORKSPACE,
        )
        for tag in record.tags:
            self._put("experiment_tags", record.where, experiment_id, tag.key, tag.value)

    # --- runs -----------------------------------------------------------------------------------------------------

    def _run_row(self, record: RunRecord) -> None:
        run_id, experiment_id = record.run_id, self._ids[record.experiment_key]
        self._run = run_id
        status = record.status
        if status not in RUN_STATUSES.values():
            status = RUN_STATUSES[4]
            self._report.odd("runs", record.where, f"its status {record.status!r:.50} has no place there: {status}")
        self._put(
            "runs",
            record.where,
            run_id,
            record.name,
            _UNNAMED,
            "",
            "",
            record.user_id,
            status,
            record.start_time_ms,
            record.end_time_ms,
            "",
            lifecycle_stage(not record.deleted),
            self._roots.location(record.artifact_uri),
            experiment_id,
            record.deleted_time_ms if record.deleted else None,
        )
        for param in record.params:
            self._put("params", record.where, run_id, param.key, param.value)
        for tag in record.tags:
            self._put("tags", record.where, run_id, tag.key, tag.value)
        for dataset in record.datasets:
            self._dataset(record.where, run_id, experiment_id, dataset)
        link = partial(self._link, record.where)
        for model_id in record.model_inputs:
            link("model inputs", "RUN_INPUT", run_id, "MODEL_INPUT", model_id, 0)
        for output in record.outputs:
            link("model outputs", "RUN_OUTPUT", run_id, "MODEL_OUTPUT", output.model_id, output.step)

    def _dataset(self, where: str, run_id: str, experiment_id: int, dataset: DatasetInput) -> None:
        uuid = _id_of("dataset", experiment_id, dataset.name, dataset.digest)
        self._put(
            "datasets",
            where,
            experiment_id,
            dataset.name,
            dataset.digest,
            uuid,
            dataset.source_type,
            dataset.source,
            dataset.schema,
            dataset.profile,
        )
        input_id = self._link(where, "dataset inputs", "DATASET", uuid, "RUN", run_id, 0)
        for tag in dataset.tags:
            self._put("input_tags", where, input_id, tag.key, tag.value)

    def _link(self, where: str, kind: str, source: str, source_id: str, to: str, to_id: str, step: int) -> str:
        identity = _id_of(source, source_id, to, to_id)
        if self._put("inputs", where, identity, source, source_id, to, to_id, step):
            self._report.tally(kind).imported += 1
        return identity

    def _points(self, run_id: str, series: MetricSeries) -> None:
        key = series.key
        where = f"run {run_id}, metric {key!r:.100}"
        for value, timestamp_ms, step in zip(series.value, series.timestamp_ms, series.step, strict=True):
            number = stored_value(value)
            is_nan = number != number
            number = 0.0 if is_nan else number
            row = (run_id, key, number, timestamp_ms, step, is_nan)
            if not self._put("metrics", where, *row):
                return
            recency = (step, timestamp_ms, number)
            latest = self._latest.get(key)
            if latest is None or recency > latest[0]:
                self._latest[key] = (recency, row)

    def _end_run(self) -> None:
        """What is known of a run's metrics when all its points have come."""
        latest, self._latest = self._latest, {}
        for _, row in latest.values():
            self._put("latest_metrics", f"run {self._run}", *row)

    # --- models ---------------------------------------------------------------------------------------------------

    def _logged_model(self, record: LoggedModelRecord) -> None:
        model_id, experiment_id = record.model_id, self._ids[record.experiment_key]
        created_ms = record.creation_time_ms or 0
        self._put(
            "logged_models",
            record.where,
            model_id,
            experiment_id,
            record.name,
            self._roots.location(record.artifact_location),
            created_ms,
            record.last_update_time_ms or created_ms,
            record.status,
            lifecycle_stage(not record.deleted),
            record.model_type or None,
            record.source_run_id or None,
        )
        for param in record.params:
            self._put("logged_model_params", record.where, model_id, experiment_id, param.key, param.value)
        for tag in record.tags:
            self._put("logged_model_tags", record.where, model_id, experiment_id, tag.key, tag.value)
        for run_id, point in record.metrics:
            number = stored_value(point.value)
            uuid = None
            if point.dataset_name is not None:
                uuid = _id_of("dataset", experiment_id, point.dataset_name, point.dataset_digest or "")
            self._put(
                "logged_model_metrics",
                record.where,
                model_id,
                point.key,
                point.timestamp_ms,
                point.step,
                0.0 if number != number else number,
                experiment_id,
                run_id,
                uuid,
                point.dataset_name,
                point.dataset_digest,
            )

    def _registered_model(self, record: RegisteredRecord) -> None:
        name = record.name
        self._put(
            "registered_models",
            record.where,
            name,
            record.creation_time_ms,
            record.last_update_time_ms,
            record.description or None,
            DEFAULT_WORKSPACE,
        )
        for tag in record.tags:
            self._put("registered_model_tags", record.where, name, tag.key, tag.value, DEFAULT_WORKSPACE)
        for version in record.versions:
            self._version(name, version)
        for alias, number in record.aliases:
            self._put("registered_model_aliases", record.where, name, alias, number, DEFAULT_WORKSPACE)

    def _version(self, name: str, record: VersionRecord) -> None:
        source: Sequence[Any]
        if record.deleted:
            source = (DELETED_VERSION, *_REDACTED)
        else:
            location = self._roots.location(record.source)
            source = (record.stage, location, record.run_id or None, "READY", record.run_link or None)
        self._put(
            "model_versions",
            record.where,
            name,
            record.version,
            record.creation_time_ms,
            record.last_update_time_ms,
            record.description or None,
            *source,
            self._roots.location(record.storage_location),
            DEFAULT_WORKSPACE,
        )
        if not record.deleted:
            self._report.tally("model versions").imported += 1
        for tag in record.tags:
            self._put("model_version_tags", record.where, name, record.version, tag.key, tag.value, DEFAULT_WORKSPACE)

    # --- the rest -------------------------------------------------------------------------------------------------

    def _associate(self, where: str, of: str, of_id: str, to: str, to_id: str) -> None:
        self._put(ASSOCIATIONS, where, _id_of(of, of_id, to, to_id), of, of_id, to, to_id, None)

    def _evaluated(self, record: EvaluatedRecord) -> None:
        self._put(
            "evaluation_datasets",
            record.where,
            record.dataset_id,
            record.name,
            record.schema,
            record.profile,
            record.digest,
            record.creation_time_ms,
            record.last_update_time_ms,
            record.created_by,
            record.last_updated_by,
            DEFAULT_WORKSPACE,
        )
        for tag in record.tags:
            self._put("evaluation_dataset_tags", record.where, record.dataset_id, tag.key, tag.value)
        for key in record.experiment_keys:
            if key in self._ids:
                self._associate(record.where, EVALUATED, record.dataset_id, EXPERIMENT, str(self._ids[key]))
            else:
                self._report.odd("links between things", record.where, "left: an experiment that is not there", 1)

    def _example(self, record: ExampleRecord) -> None:
        example = record.example
        source = json.loads(example.source) if example.source is not None else {}
        source_type, data = source.get("source_type"), source.get("source_data")
        source_id = data.get("trace_id" if source_type == "TRACE" else "source_id") if isinstance(data, dict) else None
        self._put(
            "evaluation_dataset_records",
            record.where,
            example.record_id,
            record.dataset_id,
            example.inputs,
            example.expectations,
            example.tags,
            example.source,
            None if source_id is None else str(source_id),
            source_type,
            record.creation_time_ms,
            record.last_update_time_ms,
            record.created_by,
            record.last_updated_by,
            input_hash(json.loads(example.inputs)),
            None if example.outputs in (None, "null") else f'{{"{WRAPPED}": {example.outputs}}}',
        )

    def _scorer(self, record: ScorerRecord) -> None:
        experiment_id = self._ids.get(record.experiment_key)
        if experiment_id is None:
            self._report.odd("scorers", record.where, "left: its experiment is not there", 1)
            self._report.odd("versions of scorers", record.where, "left: of a scorer that is", len(record.versions))
            return
        self._put("scorers", record.where, experiment_id, record.name, record.scorer_id)
        for one in record.versions:
            self._put(
                "scorer_versions",
                record.where,
                record.scorer_id,
                one.version,
                one.serialized_scorer,
                one.creation_time_ms,
            )
        if (online := record.online) is not None:
            self._put(
                "online_scoring_configs",
                record.where,
                online.config_id,
                record.scorer_id,
                online.sample_rate,
                experiment_id,
                online.filter_string,
            )

    def _webhook(self, record: WebhookRecord) -> None:
        """Disabled: ours may still send, and its secret is sealed here."""
        if not record.events:
            self._report.odd("webhooks", record.where, "left: it is told of nothing that MLflow tells", 1)
            return
        secret = "; its secret has to be set again" if record.has_secret else ""
        self._report.odd("webhooks", record.where, f"it is disabled there until somebody enables it{secret}")
        self._put(
            "webhooks",
            record.where,
            record.webhook_id,
            record.name,
            record.description or None,
            record.url,
            "DISABLED",
            record.creation_time_ms,
            record.last_update_time_ms,
            DEFAULT_WORKSPACE,
        )
        for entity, action in record.events:
            self._put("webhook_events", record.where, record.webhook_id, entity.lower(), action.lower())


_REDACTED: Final = ("REDACTED-SOURCE-PATH", "REDACTED-RUN-ID", "READY", "REDACTED-RUN-LINK")
"""What MLflow leaves of the source, the run, the status and the link of a version that is deleted."""


def _id_of(*words: Any) -> str:
    """An id of 32 characters, the same for the same words."""
    return blake2b("\0".join(map(str, words)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
