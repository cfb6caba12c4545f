"""Keeps which streams were deleted of those that go with an experiment, so that their events go with it too.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0024"
down_revision = "read_model_0023"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "deleted_streams",
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("experiment_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "experiment_id"),
    )
    op.create_index("deleted_streams_by_experiment", "deleted_streams", ["experiment_id"], unique=False)
