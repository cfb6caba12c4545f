"""Makes the tables of deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "webhooks_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=True),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("history", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index(
        "deliveries_pending",
        "deliveries",
        ["webhook_id", "partition", "offset"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("deliveries_listed", "deliveries", ["webhook_id", "created_us", "delivery_id"])
    op.create_index("deliveries_by_state", "deliveries", ["webhook_id", "state", "created_us"])
    op.create_index(
        "deliveries_tests",
        "deliveries",
        ["webhook_id"],
        postgresql_where=sa.text("state = 'pending' AND kind = 'test'"),
    )
    op.create_index("deliveries_finished", "deliveries", ["state", "finished_us"])
    op.create_table(
        "cursors",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "partition"),
    )
    op.create_table(
        "states",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("set_aside_us", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("parked_in_row", sa.Integer(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("rewound", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "senders",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
