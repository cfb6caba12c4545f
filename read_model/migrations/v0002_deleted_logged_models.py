"""Lets a logged model be deleted: until it is, it is active."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0002"
down_revision = "read_model_0001"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.add_column("logged_models", sa.Column("lifecycle_stage", TEXT, nullable=False, server_default="active"))
    op.alter_column("logged_models", "lifecycle_stage", server_default=None)
