"""Who may do what: roles, what is granted to them, and who is assigned to them.

Every user has a personal role, whose id is the user's and which no row of `roles` names; what is granted to one user
alone is granted to it.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table

from read_model.tables.columns import TEXT, metadata

OFFSET: Final = BigInteger().with_variant(Integer, "sqlite")

roles = Table(
    "roles",
    metadata,
    Column("role_id", OFFSET, primary_key=True, autoincrement=False),  # the offset of its creation
    Column("role_key", TEXT, nullable=False),  # of its stream
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
)
Index("roles_by_key", roles.c.role_key, unique=True)
Index("roles_by_name", roles.c.name, unique=True)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", OFFSET, primary_key=True, autoincrement=False),  # the offset of its event
    Column("role_id", BigInteger, nullable=False),
    Column("resource_type", TEXT, nullable=False),
    # '*', or an id that no other resource ever has: a registered_model_id of a registered model or prompt.
    Column("resource_pattern", TEXT, nullable=False),
    Column("level", SmallInteger, nullable=False),  # schemas.levels.Level
)
Index("grants_by_role", grants.c.role_id, grants.c.resource_pattern, grants.c.resource_type, unique=True)
Index("grants_by_resource", grants.c.resource_type, grants.c.resource_pattern, grants.c.role_id)

role_assignments = Table(
    "role_assignments",
    metadata,
    # The offset of its event; of a personal role, that of the user's creation.
    Column("assignment_id", OFFSET, primary_key=True, autoincrement=False),
    Column("role_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
)
Index("role_assignments_by_user", role_assignments.c.user_id, role_assignments.c.role_id, unique=True)
Index("role_assignments_by_role", role_assignments.c.role_id)
