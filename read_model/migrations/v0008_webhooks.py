"""Makes the tables of webhooks, and of what there is to tell them."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0008"
down_revision = "read_model_0007"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("secret_id", TEXT, nullable=False),
        sa.Column("since", TEXT, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
    op.create_index("webhooks_listed", "webhooks", [sa.text("creation_timestamp_ms DESC"), "webhook_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("partition", "offset"),
    )
