"""Makes the tables of traces, their spans and assessments."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0019"
down_revision = "read_model_0018"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "traces",
        sa.Column("trace_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("trace_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("request_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("execution_duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("client_request_id", TEXT, nullable=True),
        sa.Column("request_preview", TEXT, nullable=True),
        sa.Column("response_preview", TEXT, nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cache_read_input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cache_creation_input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("span_count", sa.BigInteger(), nullable=False),
        sa.Column("told", TEXT, nullable=True),
        sa.Column("from_spans", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("trace_number"),
        sa.UniqueConstraint("trace_id"),
    )
    op.create_index(
        "traces_by_time",
        "traces",
        ["experiment_id", sa.literal_column("request_time_ms DESC"), "trace_id"],
        unique=False,
    )
    op.create_table(
        "trace_tags",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "key"),
    )
    op.create_index(
        "trace_tags_by_value",
        "trace_tags",
        ["key", sa.literal_column("substr(value, 1, 64)"), "trace_number"],
        unique=False,
    )
    op.create_table(
        "trace_metadata",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "key"),
    )
    op.create_index(
        "trace_metadata_by_value",
        "trace_metadata",
        ["key", sa.literal_column("substr(value, 1, 64)"), "trace_number"],
        unique=False,
    )
    op.create_table(
        "spans",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("span_id", TEXT, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("provider", TEXT, nullable=True),
        sa.Column("usage", TEXT, nullable=True),
        sa.Column("input_cost", sa.Double(), nullable=True),
        sa.Column("output_cost", sa.Double(), nullable=True),
        sa.Column("total_cost", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("trace_number", "span_id"),
    )
    op.create_table(
        "span_chunks",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("chunk_number", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "chunk_number"),
    )
    op.create_table(
        "assessments",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("assessment_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("is_numeric", sa.SmallInteger(), nullable=False),
        sa.Column("create_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("overrides", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=True),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "assessment_id"),
    )
    op.create_index("assessments_by_session", "assessments", ["session"], unique=False)
    op.create_table(
        "trace_runs",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "run_id"),
    )
    op.create_index("trace_runs_by_run", "trace_runs", ["run_id", "trace_number"], unique=False)
    op.create_table(
        "trace_prompts",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "name", "version"),
    )
    op.create_index("trace_prompts_by_prompt", "trace_prompts", ["name", "version", "trace_number"], unique=False)
    op.execute(sa.schema.CreateSequence(sa.Sequence("trace_numbers", data_type=sa.BigInteger())))
    # Spans come compressed; PostgreSQL would try it again in vain.
    op.execute("ALTER TABLE span_chunks ALTER COLUMN data SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE traces SET (fillfactor = 80)")
