"""Gives the event log an identity, and each event a checksum."""

import sqlalchemy as sa
from alembic import op

revision = "control_0002"
down_revision = "control_0001"


def upgrade() -> None:
    op.create_table(
        "log_identity",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "INSERT INTO log_identity SELECT gen_random_uuid(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    )
    op.add_column("events", sa.Column("checksum", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log is never made smaller; restore a backup instead")
