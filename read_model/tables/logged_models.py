"""Logged models, their params and tags, and the metrics that runs report of them."""

from sqlalchemy import BigInteger, Column, Double, Index, PrimaryKeyConstraint, SmallInteger, Table

from read_model.tables.columns import TEXT, metadata

logged_models = Table(
    "logged_models",
    metadata,
    Column("model_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("model_type", TEXT, nullable=False),
    Column("source_run_id", TEXT, nullable=False),
    Column("status", SmallInteger, nullable=False),  # the number of MLflow's LoggedModelStatus
    Column("artifact_location", TEXT, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
    Column("lifecycle_stage", TEXT, nullable=False),  # 'active' or 'deleted': hidden, for good
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
    Column("model_id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model_id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    # One row a point: models are evaluated, not trained, and have few. NaN is kept as 0.0, as MLflow does.
    Column("model_id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("run_id", TEXT, nullable=False),
    Column("value", Double, nullable=False),
    Column("value_json", TEXT, nullable=False),
    Column("experiment_id", BigInteger, nullable=False),  # the run's
    Column("dataset_name", TEXT),
    Column("dataset_digest", TEXT),
    PrimaryKeyConstraint("model_id", "key", "timestamp_ms", "step", "run_id"),
    sqlite_with_rowid=False,
)
Index("logged_model_metrics_by_run", logged_model_metrics.c.run_id)
