"""The tables of the read model: rows folded from the log, thrown away and rebuilt at will.

Only a projector writes them. `run_number` stands for a run's id inside the read model, because a small growing integer
makes every row and index of its data smaller and appends them in order; it means nothing outside.

Two read models are compared whole, with the ids of runs in the place of their numbers (`projector/compare.py`).
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

SCHEMA_VERSION: Final = 2
"""Raised with every change of a table or of what the fold puts in it; a read model of another version is rebuilt."""

INDEXED_VALUE_CHARACTERS: Final = 64
"""Params and tags are indexed by this many first characters: PostgreSQL refuses index rows over 2.7 kB.

SQLite has no such limit, and reads an index without the table only when the index holds the column as it is: 40 times
faster to count or collect the runs with some value. So there the whole value is indexed.
"""

metadata = MetaData()

_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text ordered by its code points in every database, whatever the locale of PostgreSQL."""


class _IndexedValue(ColumnElement[str]):
    """What a database can index of a column `value` of any length."""

    inherit_cache = True


@compiles(_IndexedValue)
def _first_characters(element: _IndexedValue, compiler: SQLCompiler, **_: object) -> str:
    return f"substr(value, 1, {INDEXED_VALUE_CHARACTERS})"


@compiles(_IndexedValue, "sqlite")
def _whole_value(element: _IndexedValue, compiler: SQLCompiler, **_: object) -> str:
    return "value"


experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("name", _TEXT, nullable=False, unique=True),
    Column("artifact_location", _TEXT, nullable=False),
    # 'active' or 'deleted', set at `lifecycle_us`, which grows with each change.
    Column("lifecycle_stage", _TEXT, nullable=False),
    Column("lifecycle_us", BigInteger, nullable=False),
    Column("creation_time_ms", BigInteger, nullable=False),
    Column("last_update_time_ms", BigInteger, nullable=False),
    # How many times it was deleted or restored.
    Column("lifecycle_revision", BigInteger, nullable=False),
    # Until a request to create it was acknowledged, by whom and how it was created: `schemas.claims.claim_of`.
    Column("claim", _TEXT),
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    PrimaryKeyConstraint("experiment_id", "key"),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("run_number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("run_id", _TEXT, nullable=False, unique=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("user_id", _TEXT, nullable=False),
    Column("status", _TEXT, nullable=False),  # the name of MLflow's RunStatus
    Column("start_time_ms", BigInteger, nullable=False),
    Column("end_time_ms", BigInteger),
    Column("artifact_uri", _TEXT, nullable=False),
    # The run's own stage. It counts unless the experiment was deleted or restored after what the writer of the run's
    # last lifecycle event had seen of it: `experiment_revision` < `lifecycle_revision`. NULL where that event is of
    # version 1 and does not tell; then the later `lifecycle_us` counts, and at one microsecond the experiment's.
    Column("lifecycle_stage", _TEXT, nullable=False),
    Column("lifecycle_us", BigInteger, nullable=False),
    Column("experiment_revision", BigInteger),
)
# The default order of a run search.
Index("runs_by_start", runs.c.experiment_id, runs.c.start_time_ms.desc(), runs.c.run_id)

params = Table(
    "params",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)
Index(
    "params_by_value",
    params.c.experiment_id,
    params.c.key,
    _IndexedValue(),
    params.c.run_number,
)

tags = Table(
    "tags",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)
Index(
    "tags_by_value",
    tags.c.experiment_id,
    tags.c.key,
    _IndexedValue(),
    tags.c.run_number,
)

latest_metrics = Table(
    "latest_metrics",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    # NULL is NaN. Infinities are kept as the largest finite double, as MLflow returns them.
    Column("value", Double),
    # The value as JSON, exact to the last bit, because SQLite prints doubles with 15 digits: '0.1', '"NaN"'.
    Column("value_json", _TEXT, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    # How many points were ever reported; one alone has no other row than this.
    Column("points", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)
# The order and the ranges of a run search by a metric.
Index(
    "latest_metrics_by_value",
    latest_metrics.c.experiment_id,
    latest_metrics.c.key,
    latest_metrics.c.value,
    latest_metrics.c.run_number,
)

metric_tails = Table(
    "metric_tails",
    metadata,
    # The points of a metric after its last full chunk, in the order of the log, as `metric_points.pack_segment`
    # lays them out. No row for a metric of one point, nor when the last chunk took every point.
    Column("run_number", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)

metric_chunks = Table(
    "metric_chunks",
    metadata,
    # Points n * POINTS_PER_CHUNK up to the next multiple, in the order of the log, compressed by
    # `read_model.metric_points.pack_chunk`. The ranges let a reader skip a chunk, or see that
    # its neighbours are in order.
    Column("run_number", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("chunk_number", BigInteger, nullable=False),
    Column("min_step", BigInteger, nullable=False),
    Column("max_step", BigInteger, nullable=False),
    Column("min_timestamp_ms", BigInteger, nullable=False),
    Column("max_timestamp_ms", BigInteger, nullable=False),
    # NULL when every value is NaN; NaN is left out of both.
    Column("min_value", Double),
    Column("max_value", Double),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_number", "key", "chunk_number"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("digest", _TEXT, nullable=False),
    Column("source_type", _TEXT, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("schema", _TEXT),
    Column("profile", _TEXT),
    # When and by which event it was first logged: runs of one experiment lie in different partitions, and the earliest
    # (time, id) wins whatever order they are folded in.
    Column("first_us", BigInteger, nullable=False),
    Column("first_event_id", _TEXT, nullable=False),
    PrimaryKeyConstraint("experiment_id", "name", "digest"),
)

dataset_inputs = Table(
    "dataset_inputs",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("digest", _TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    # JSON list of {"key", "value"}, and the value of tag mlflow.data.context taken out of it.
    Column("tags", _TEXT, nullable=False),
    Column("context", _TEXT),
    PrimaryKeyConstraint("run_number", "name", "digest"),
    sqlite_with_rowid=False,
)
Index("dataset_inputs_by_name", dataset_inputs.c.experiment_id, dataset_inputs.c.name, dataset_inputs.c.digest)

model_inputs = Table(
    "model_inputs",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("model_id", _TEXT, nullable=False),
    PrimaryKeyConstraint("run_number", "model_id"),
    sqlite_with_rowid=False,
)

model_outputs = Table(
    "model_outputs",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("model_id", _TEXT, nullable=False),
    Column("step", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "model_id"),
    sqlite_with_rowid=False,
)

logged_models = Table(
    "logged_models",
    metadata,
    Column("model_id", _TEXT, primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("model_type", _TEXT, nullable=False),
    Column("source_run_id", _TEXT, nullable=False),
    Column("status", SmallInteger, nullable=False),  # the number of MLflow's LoggedModelStatus
    Column("artifact_location", _TEXT, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
    Column("lifecycle_stage", _TEXT, nullable=False),  # 'active' or 'deleted': hidden, for good
)
Index(
    "logged_models_by_creation",
    logged_models.c.experiment_id,
    logged_models.c.creation_timestamp_ms.desc(),
    logged_models.c.model_id,
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model_id", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model_id", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    # One row a point: models are evaluated, not trained, and have few. NaN is kept as 0.0, as MLflow does.
    Column("model_id", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("run_id", _TEXT, nullable=False),
    Column("value", Double, nullable=False),
    Column("value_json", _TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),  # the run's
    Column("dataset_name", _TEXT),
    Column("dataset_digest", _TEXT),
    PrimaryKeyConstraint("model_id", "key", "timestamp_ms", "step", "run_id"),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    # The offset of the next event to fold. A worker that does not find the value it expects was fenced off.
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    # The id of the event before it: a log that has another one there went another way since it was folded.
    Column("last_event_id", LargeBinary),
)

refusals = Table(
    "refusals",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("error_code", _TEXT, nullable=False),
    Column("message", _TEXT, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
)

set_aside = Table(
    "set_aside",
    metadata,
    # Events that could not be folded, and every later event of their streams, until they can be.
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("stream", _TEXT, nullable=False),
    Column("event_id", _TEXT, nullable=False),
    Column("event_type", _TEXT, nullable=False),
    Column("reason", _TEXT, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
)
Index("set_aside_by_stream", set_aside.c.stream)

facts = Table(
    "facts",
    metadata,
    # About the read model itself: 'schema_version' (in SQLite), and belonging.LOG_ID.
    Column("name", _TEXT, primary_key=True),
    Column("value", _TEXT, nullable=False),
)
