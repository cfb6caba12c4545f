"""Keeps whether the payloads of a log in Kafka are sealed, which is chosen before it has an event."""

import sqlalchemy as sa
from alembic import op

revision = "control_0004"
down_revision = "control_0003"


def upgrade() -> None:
    op.create_table(
        "log_births",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("seals", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("log_id"),
    )


def downgrade() -> None:
    raise NotImplementedError("a log is never made smaller; restore a backup instead")
