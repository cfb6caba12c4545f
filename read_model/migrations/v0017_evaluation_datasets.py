"""Makes the tables of evaluation datasets."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0017"
down_revision = "read_model_0016"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "evaluation_datasets",
        sa.Column("dataset_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("schema", TEXT),
        sa.Column("profile", TEXT),
        sa.Column("record_count", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("created_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT),
        sa.Column("last_updated_by", TEXT),
        sa.PrimaryKeyConstraint("dataset_id"),
    )
    op.create_index(
        "evaluation_datasets_listed",
        "evaluation_datasets",
        [sa.text("created_time_ms DESC"), sa.text("dataset_id DESC")],
        unique=False,
    )
    op.create_index("evaluation_datasets_by_name", "evaluation_datasets", ["name"], unique=False)
    op.create_table(
        "evaluation_dataset_experiments",
        sa.Column("dataset_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "experiment_id"),
    )
    op.create_index(
        "evaluation_dataset_experiments_by_experiment",
        "evaluation_dataset_experiments",
        ["experiment_id", "dataset_id"],
        unique=False,
    )
    op.create_table(
        "evaluation_dataset_tags",
        sa.Column("dataset_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "key"),
    )
    op.create_table(
        "evaluation_dataset_records",
        sa.Column("dataset_id", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("input_hash", TEXT, nullable=False),
        sa.Column("inputs", TEXT, nullable=False),
        sa.Column("outputs", TEXT),
        sa.Column("expectations", TEXT),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("source", TEXT),
        sa.Column("source_id", TEXT),
        sa.Column("source_type", TEXT),
        sa.Column("created_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT),
        sa.Column("last_updated_by", TEXT),
        sa.PrimaryKeyConstraint("dataset_id", "record_id"),
    )
    op.create_index(
        "evaluation_dataset_records_by_input", "evaluation_dataset_records", ["dataset_id", "input_hash"], unique=True
    )
    op.create_index(
        "evaluation_dataset_records_listed",
        "evaluation_dataset_records",
        ["dataset_id", "created_time_ms", "record_id"],
        unique=False,
    )
