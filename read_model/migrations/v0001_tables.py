"""Makes the tables of the read model."""

import sqlalchemy as sa
from alembic import op

from schemas.postgresql import CREATE_LETTERS

revision = "read_model_0001"
down_revision = None

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.execute(CREATE_LETTERS)
    op.create_table(
        "checkpoints",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition"),
    )
    op.create_table(
        "dataset_inputs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("context", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("run_number", "name", "digest"),
    )
    op.create_index("dataset_inputs_by_name", "dataset_inputs", ["experiment_id", "name", "digest"], unique=False)
    op.create_table(
        "datasets",
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("source_type", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("schema", TEXT, nullable=True),
        sa.Column("profile", TEXT, nullable=True),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("first_event_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "name", "digest"),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "key"),
    )
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("artifact_location", TEXT, nullable=False),
        sa.Column("lifecycle_stage", TEXT, nullable=False),
        sa.Column("lifecycle_us", sa.BigInteger(), nullable=False),
        sa.Column("creation_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "facts",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "latest_metrics",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("value_json", TEXT, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key"),
    )
    op.create_index(
        "latest_metrics_by_value", "latest_metrics", ["experiment_id", "key", "value", "run_number"], unique=False
    )
    op.create_table(
        "logged_model_metrics",
        sa.Column("model_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("value_json", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("dataset_name", TEXT, nullable=True),
        sa.Column("dataset_digest", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("model_id", "key", "timestamp_ms", "step", "run_id"),
    )
    op.create_table(
        "logged_model_params",
        sa.Column("model_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "key"),
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "key"),
    )
    op.create_table(
        "logged_models",
        sa.Column("model_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("model_type", TEXT, nullable=False),
        sa.Column("source_run_id", TEXT, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("artifact_location", TEXT, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model_id"),
    )
    op.create_index(
        "logged_models_by_creation",
        "logged_models",
        ["experiment_id", sa.literal_column("creation_timestamp_ms DESC"), "model_id"],
        unique=False,
    )
    op.create_table(
        "metric_chunks",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("chunk_number", sa.BigInteger(), nullable=False),
        sa.Column("min_step", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        sa.Column("min_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("min_value", sa.Double(), nullable=True),
        sa.Column("max_value", sa.Double(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key", "chunk_number"),
    )
    op.create_table(
        "metric_tails",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key"),
    )
    op.create_table(
        "model_inputs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("model_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run_number", "model_id"),
    )
    op.create_table(
        "model_outputs",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("model_id", TEXT, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "model_id"),
    )
    op.create_table(
        "params",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key"),
    )
    op.create_index(
        "params_by_value",
        "params",
        ["experiment_id", "key", sa.literal_column("substr(value, 1, 64)"), "run_number"],
        unique=False,
    )
    op.create_table(
        "refusals",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("error_code", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("partition", "offset"),
    )
    op.create_table(
        "runs",
        sa.Column("run_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("start_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("artifact_uri", TEXT, nullable=False),
        sa.Column("lifecycle_stage", TEXT, nullable=False),
        sa.Column("lifecycle_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number"),
        sa.UniqueConstraint("run_id"),
    )
    op.create_index(
        "runs_by_start", "runs", ["experiment_id", sa.literal_column("start_time_ms DESC"), "run_id"], unique=False
    )
    op.create_table(
        "set_aside",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("event_type", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("partition", "offset"),
    )
    op.create_index("set_aside_by_stream", "set_aside", ["stream"], unique=False)
    op.create_table(
        "tags",
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key"),
    )
    op.create_index(
        "tags_by_value",
        "tags",
        ["experiment_id", "key", sa.literal_column("substr(value, 1, 64)"), "run_number"],
        unique=False,
    )
    op.execute(sa.schema.CreateSequence(sa.Sequence("run_numbers", data_type=sa.BigInteger())))
    _lay_out()


def _lay_out() -> None:
    """How PostgreSQL keeps the rows; none of it shows in what they hold."""
    # Points come compressed; PostgreSQL would try it again in vain.
    op.execute("ALTER TABLE metric_chunks ALTER COLUMN data SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE metric_tails ALTER COLUMN data SET STORAGE EXTERNAL")
    # Rows that are updated find room on their page, and their indexes need no new entry.
    op.execute("ALTER TABLE runs SET (fillfactor = 80)")
    op.execute("ALTER TABLE latest_metrics SET (fillfactor = 80)")
    op.execute("ALTER TABLE metric_tails SET (fillfactor = 70)")
    op.execute("ALTER TABLE checkpoints SET (fillfactor = 10)")


def downgrade() -> None:
    raise NotImplementedError("a read model is folded anew, never brought back to an older shape")
