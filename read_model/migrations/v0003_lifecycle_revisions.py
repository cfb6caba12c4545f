"""Gives experiments their revision, and runs the one their last lifecycle event was decided on."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0003"
down_revision = "read_model_0002"


def upgrade() -> None:
    op.add_column("experiments", sa.Column("lifecycle_revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("experiments", "lifecycle_revision", server_default=None)
    op.add_column("runs", sa.Column("experiment_revision", sa.BigInteger(), nullable=True))
