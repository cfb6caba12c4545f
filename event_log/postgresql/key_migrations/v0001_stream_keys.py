"""Makes the tables of the keys under which the payloads of a log are sealed."""

import sqlalchemy as sa
from alembic import op

revision = "keys_0001"
down_revision = None

PARTS = 64


def upgrade() -> None:
    op.create_table(
        "logs",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        # The log whose keys it is sealed under: itself, or the one that it is a mirror of.
        sa.Column("keys", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("log_id"),
    )
    op.create_table(
        "stream_keys",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        # The SHA-256 of the stream's name, which may be any text.
        sa.Column("stream", sa.LargeBinary(), nullable=False),
        # NULL: destroyed.
        sa.Column("secret", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("log_id", "stream"),
        postgresql_partition_by="HASH (stream)",
    )
    # To leave nothing of a key, the table that it is in is written anew; so it is one of many.
    for part in range(PARTS):
        op.execute(
            f"CREATE TABLE stream_keys_{part} PARTITION OF stream_keys"
            f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        )
    op.create_table(
        "passed_over",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "partition", "offset"),
    )
    op.create_table(
        "carried_out",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "partition"),
    )


def downgrade() -> None:
    raise NotImplementedError("without its keys a log cannot be read")
