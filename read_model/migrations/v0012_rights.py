"""Makes the tables of roles, grants and assignments."""

import sqlalchemy as sa
from alembic import op

revision = "read_model_0012"
down_revision = "read_model_0011"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role_id"),
    )
    op.create_index("roles_by_key", "roles", ["role_key"], unique=True)
    op.create_index("roles_by_name", "roles", ["name"], unique=True)
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("resource_type", TEXT, nullable=False),
        sa.Column("resource_pattern", TEXT, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("grant_id"),
    )
    op.create_index("grants_by_role", "grants", ["role_id", "resource_pattern", "resource_type"], unique=True)
    op.create_index("grants_by_resource", "grants", ["resource_type", "resource_pattern", "role_id"], unique=False)
    op.create_table(
        "role_assignments",
        sa.Column("assignment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("assignment_id"),
    )
    op.create_index("role_assignments_by_user", "role_assignments", ["user_id", "role_id"], unique=True)
    op.create_index("role_assignments_by_role", "role_assignments", ["role_id"], unique=False)
