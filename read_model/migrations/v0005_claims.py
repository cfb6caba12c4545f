"""Notes by whom and how an experiment was created until that was acknowledged."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0005"
down_revision = "read_model_0004"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.add_column("experiments", sa.Column("claim", TEXT, nullable=True))
