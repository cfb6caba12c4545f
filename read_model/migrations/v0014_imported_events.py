"""Keeps which events were imported.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0014"
down_revision = "read_model_0013"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "imported_events",
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("error_code", TEXT, nullable=True),
        sa.Column("message", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
