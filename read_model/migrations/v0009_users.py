"""Makes the tables of accounts and access tokens."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0009"
down_revision = "read_model_0008"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("username", TEXT, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("is_admin", sa.SmallInteger(), nullable=False),
        sa.Column("password_id", TEXT, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("username"),
    )
    op.create_index("users_by_is_admin", "users", ["is_admin", "username"], unique=False)
    op.create_table(
        "access_tokens",
        sa.Column("token_id", TEXT, nullable=False),
        sa.Column("username", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_id"),
    )
    op.create_index("access_tokens_by_user", "access_tokens", ["username", "creation_timestamp_ms"], unique=False)
    op.create_table(
        "users_revision",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
