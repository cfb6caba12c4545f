"""Keeps from where to where a webhook was disabled.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0010"
down_revision = "read_model_0009"


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("pauses", sa.Text(collation="C"), nullable=False))
