"""Keeps which streams were erased, and finds by its stream what else is to go with one.

The tables are empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0016"
down_revision = "read_model_0015"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("last_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_index("erased_by_last_offset", "erased", ["partition", "last_offset"], unique=False)
    op.add_column("refusals", sa.Column("stream", TEXT, nullable=False))
    op.create_index("refusals_by_stream", "refusals", ["stream"], unique=False)
    op.add_column("imported_events", sa.Column("stream", TEXT, nullable=False))
    op.create_index("imported_events_by_stream", "imported_events", ["stream"], unique=False)
    op.create_index("outbox_by_stream", "outbox", ["stream"], unique=False)
    op.create_index("logged_model_metrics_by_run", "logged_model_metrics", ["run_id"], unique=False)
