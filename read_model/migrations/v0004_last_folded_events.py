"""Has each checkpoint name the last event that was folded."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0004"
down_revision = "read_model_0003"


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("last_event_id", sa.LargeBinary(), nullable=True))
