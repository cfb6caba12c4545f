"""Gives the event log an identity, that of its log to each read model, and a checksum to each event."""

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
    nil = sa.text("'00000000-0000-0000-0000-000000000000'")
    op.add_column("read_models", sa.Column("log_id", sa.Uuid(), nullable=False, server_default=nil))
    op.drop_index("read_models_one_live", "read_models")
    op.create_index(
        "read_models_one_live",
        "read_models",
        ["schema_version", "log_id"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )


def downgrade() -> None:
    raise NotImplementedError("a log is never made smaller; restore a backup instead")
