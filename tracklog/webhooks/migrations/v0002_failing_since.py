"""Keeps since when a webhook failed without a success."""

import sqlalchemy as sa
from alembic import op

revision = "webhooks_0002"
down_revision = "webhooks_0001"


def upgrade() -> None:
    op.add_column("states", sa.Column("failing_since_us", sa.BigInteger(), nullable=True))
