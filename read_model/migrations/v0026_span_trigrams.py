"""Makes the table of which trigrams the texts of spans have."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0026"
down_revision = "read_model_0025"


def upgrade() -> None:
    op.create_table(
        "span_trigrams",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("chunk_number", sa.BigInteger(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "chunk_number"),
    )
