"""Remembers of a registered model that was deleted what it goes on with when its delete is undone.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0023"
down_revision = "read_model_0022"


def upgrade() -> None:
    op.create_table(
        "deleted_registered_models",
        sa.Column("registered_model_id", sa.Text(collation="C"), nullable=False),
        sa.Column("last_version", sa.BigInteger(), nullable=False),
        sa.Column("name_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("registered_model_id"),
    )
