"""Makes the table of secrets."""

import sqlalchemy as sa
from alembic import op

revision = "secrets_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("secret_id", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("secret_id"),
    )
