"""Makes the table of what spans are and have, and the indexes of what is summed of traces and said about them."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0021"
down_revision = "read_model_0020"


def upgrade() -> None:
    op.create_table(
        "span_signatures",
        sa.Column("trace_number", sa.BigInteger(), nullable=False),
        sa.Column("chunk_number", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("trace_number", "chunk_number"),
    )
    op.create_index(
        "traces_measured",
        "traces",
        [
            "experiment_id",
            "request_time_ms",
            "state",
            "execution_duration_ms",
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ],
        unique=False,
    )
    op.create_index("assessments_by_name", "assessments", ["kind", "name", "trace_number"], unique=False)
