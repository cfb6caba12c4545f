"""Keeps up to which offset the erasures of a log are carried out."""

import sqlalchemy as sa
from alembic import op

revision = "control_0003"
down_revision = "control_0002"


def upgrade() -> None:
    op.create_table(
        "carried_out",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "partition"),
    )


def downgrade() -> None:
    raise NotImplementedError("a log is never made smaller; restore a backup instead")
