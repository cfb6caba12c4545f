"""Keeps of each trace in which session it is, so that sessions are counted of an index alone.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0025"
down_revision = "read_model_0024"

_MEASURED = (
    "experiment_id",
    "request_time_ms",
    "state",
    "execution_duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


def upgrade() -> None:
    op.add_column("traces", sa.Column("session", sa.Text(collation="C"), nullable=True))
    op.drop_index("traces_measured", table_name="traces")
    op.create_index("traces_measured", "traces", [*_MEASURED, "session"], unique=False)
