"""What commands ask the read model about roles and grants."""

from operator import itemgetter
from typing import Final

from ingest.admission.lookups import Lookup, Row
from ingest.rights.state import Holder, KnownGrant, KnownRole, Resource
from schemas.documents.roles import ROLE_COLUMNS, SHOWN_GRANTS, shown_grant, shown_role


def _role(row: Row) -> KnownRole:
    return KnownRole(row[0], row[1], row[2])


_ROLE: Final = "SELECT role_id, role_key, name FROM roles"

ROLE: Final = Lookup(f"{_ROLE} WHERE role_id = $1", _role)

ROLE_NAMED: Final = Lookup(f"{_ROLE} WHERE name = $1", _role)

SHOWN_ROLE: Final = Lookup(f"SELECT {ROLE_COLUMNS} FROM roles WHERE role_key = $1", shown_role)


def _holder(row: Row) -> Holder:
    return Holder(row[0], row[1], row[2])


HOLDER: Final = Lookup(
    "SELECT role_id, role_key, '' FROM roles WHERE role_id = $1"
    " UNION ALL SELECT user_id, NULL, username FROM users WHERE user_id = $1",
    _holder,
)
"""By the id of a role, which may be a personal one. Users have no index by their ids: they are few."""


def _grant(row: Row) -> KnownGrant:
    return KnownGrant(Holder(row[0], row[1], row[2] or ""), Resource(row[3], row[4]), row[5])


GRANT: Final = Lookup(
    "SELECT g.role_id, r.role_key, u.username, g.resource_type, g.resource_pattern, g.level FROM grants g"
    " LEFT JOIN roles r ON r.role_id = g.role_id LEFT JOIN users u ON u.user_id = g.role_id WHERE g.grant_id = $1",
    _grant,
)

LEVEL: Final[Lookup[int]] = Lookup(
    "SELECT level FROM grants WHERE role_id = $1 AND resource_type = $2 AND resource_pattern = $3", itemgetter(0)
)
"""What is granted to a role on a resource."""

OWNED_EXPERIMENT: Final[Lookup[int]] = Lookup(
    "SELECT experiment_id FROM experiment_owners WHERE user_id = $1 AND experiment_id = $2", itemgetter(0)
)

OWNED_MODEL: Final[Lookup[str]] = Lookup(
    "SELECT m.name FROM registered_model_owners o JOIN registered_models m"
    " ON m.registered_model_id = o.registered_model_id WHERE o.user_id = $1 AND o.registered_model_id = $2",
    itemgetter(0),
)
"""The name of a model that somebody has for having created it."""

SHOWN_GRANT_OF: Final = Lookup(
    f"{SHOWN_GRANTS} AND g.role_id = $1 AND g.resource_type = $2 AND g.resource_pattern = $3", shown_grant
)

SHOWN_GRANTS_OF_ROLE: Final = Lookup(f"{SHOWN_GRANTS} AND g.role_id = $1 ORDER BY g.grant_id", shown_grant)

ASSIGNMENT_ID: Final[Lookup[int]] = Lookup(
    "SELECT assignment_id FROM role_assignments WHERE user_id = $1 AND role_id = $2", itemgetter(0)
)

MODEL_ID: Final[Lookup[str]] = Lookup(
    "SELECT registered_model_id FROM registered_models WHERE name = $1 AND is_prompt = $2", itemgetter(0)
)
"""Of the model (0) or the prompt (1) that has a name now."""
