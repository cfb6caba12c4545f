"""Runs, their params and tags, and the logged models that they read and made."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table

from read_model.tables.columns import TEXT, IndexedValue, metadata

runs = Table(
    "runs",
    metadata,
    Column("run_number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("run_id", TEXT, nullable=False, unique=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),  # the name of MLflow's RunStatus
    Column("start_time_ms", BigInteger, nullable=False),
    Column("end_time_ms", BigInteger),
    Column("artifact_uri", TEXT, nullable=False),
    # The run's own stage. It counts unless the experiment was deleted or restored after what the writer of the run's
    # last lifecycle event had seen of it: `experiment_revision` < `lifecycle_revision`. NULL where that event is of
    # version 1 and does not tell; then the later `lifecycle_us` counts, and at one microsecond the experiment's.
    Column("lifecycle_stage", TEXT, nullable=False),
    Column("lifecycle_us", BigInteger, nullable=False),
    Column("experiment_revision", BigInteger),
)
# The default order of a run search.
Index("runs_by_start", runs.c.experiment_id, runs.c.start_time_ms.desc(), runs.c.run_id)

params = Table(
    "params",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)
Index(
    "params_by_value",
    params.c.experiment_id,
    params.c.key,
    IndexedValue(),
    params.c.run_number,
)

tags = Table(
    "tags",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "key"),
    sqlite_with_rowid=False,
)
Index(
    "tags_by_value",
    tags.c.experiment_id,
    tags.c.key,
    IndexedValue(),
    tags.c.run_number,
)

model_inputs = Table(
    "model_inputs",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("model_id", TEXT, nullable=False),
    PrimaryKeyConstraint("run_number", "model_id"),
    sqlite_with_rowid=False,
)

model_outputs = Table(
    "model_outputs",
    metadata,
    Column("run_number", BigInteger, nullable=False),
    Column("model_id", TEXT, nullable=False),
    Column("step", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_number", "model_id"),
    sqlite_with_rowid=False,
)
