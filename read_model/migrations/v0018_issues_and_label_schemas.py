"""Makes the tables of issues and of label schemas."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0018"
down_revision = "read_model_0017"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "issues",
        sa.Column("issue_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("severity", TEXT),
        sa.Column("severity_rank", sa.SmallInteger(), nullable=False),
        sa.Column("root_causes", TEXT),
        sa.Column("categories", TEXT),
        sa.Column("source_run_id", TEXT),
        sa.Column("created_by", TEXT),
        sa.Column("created_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issue_id"),
    )
    op.create_index(
        "issues_listed",
        "issues",
        [
            "experiment_id",
            sa.text("severity_rank DESC"),
            sa.text("created_timestamp_ms DESC"),
            sa.text("issue_id DESC"),
        ],
        unique=False,
    )
    op.create_table(
        "label_schemas",
        sa.Column("schema_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("instruction", TEXT),
        sa.Column("enable_comment", sa.SmallInteger(), nullable=False),
        sa.Column("input", TEXT, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("schema_id"),
    )
    op.create_index("label_schemas_by_reference", "label_schemas", ["reference"], unique=False)
    op.create_index(
        "label_schemas_listed",
        "label_schemas",
        ["experiment_id", sa.text("created_at_ms DESC"), "schema_id"],
        unique=False,
    )
