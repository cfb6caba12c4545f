"""Keeps with each span what of it counts in no sum of its trace, and finds the spans below one.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0022"
down_revision = "read_model_0021"


def upgrade() -> None:
    op.add_column("spans", sa.Column("hidden", sa.SmallInteger(), nullable=False))
    op.create_index("spans_by_parent", "spans", ["trace_number", "parent_id"], unique=False)
