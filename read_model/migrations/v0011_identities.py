"""Keeps by which identity a provider knows a user.

The table is empty: no read model of a released schema version is brought to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0011"
down_revision = "read_model_0010"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.add_column("users", sa.Column("issuer", TEXT, nullable=True))
    op.add_column("users", sa.Column("subject", TEXT, nullable=True))
    op.create_index("users_by_identity", "users", ["subject", "issuer"], unique=False)
