"""Keeps the datasets that a run read in the order in which they were logged.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0007"
down_revision = "read_model_0006"


def upgrade() -> None:
    op.add_column("dataset_inputs", sa.Column("ordinal", sa.BigInteger(), nullable=False))
    op.drop_constraint("dataset_inputs_pkey", "dataset_inputs", type_="primary")
    op.create_primary_key("dataset_inputs_pkey", "dataset_inputs", ["run_number", "ordinal"])
