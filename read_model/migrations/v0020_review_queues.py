"""Makes the tables of review queues."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0020"
down_revision = "read_model_0019"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "review_queues",
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("queue_type", TEXT, nullable=False),
        sa.Column("users", TEXT, nullable=False),
        sa.Column("schema_ids", TEXT, nullable=False),
        sa.Column("created_by", TEXT),
        sa.Column("item_count", sa.BigInteger(), nullable=False),
        sa.Column("creation_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue_id"),
    )
    op.create_index("review_queues_by_reference", "review_queues", ["reference"], unique=False)
    op.create_index(
        "review_queues_listed",
        "review_queues",
        ["experiment_id", sa.text("creation_time_ms DESC"), "queue_id"],
        unique=False,
    )
    op.create_table(
        "review_queue_users",
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("queue_id", "user_id"),
    )
    op.create_table(
        "review_queue_items",
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("item_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("completed_by", TEXT),
        sa.Column("completed_time_ms", sa.BigInteger()),
        sa.Column("creation_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue_id", "item_id"),
    )
    op.create_index(
        "review_queue_items_listed",
        "review_queue_items",
        ["queue_id", sa.text("creation_time_ms DESC"), "item_id"],
        unique=False,
    )
