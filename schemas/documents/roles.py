"""Roles, grants and assignments as MLflow answers them.

Made of values, and not by the databases: a role has a few grants, and who asks for roles does so now and then. A grant
on a registered model or a prompt is kept by an id that clients never see; they are shown the name that it has now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from schemas.levels import ANY_ID, PROMPT, REGISTERED_MODEL, Level
from schemas.messages.roles import DEFAULT_WORKSPACE

_IS_MODEL: Final = f"g.resource_type IN ('{REGISTERED_MODEL}', '{PROMPT}') AND g.resource_pattern <> '{ANY_ID}'"

SHOWN_GRANTS: Final = f"""
SELECT g.grant_id, g.role_id, g.resource_type, CASE WHEN {_IS_MODEL} THEN m.name ELSE g.resource_pattern END, g.level
FROM grants g LEFT JOIN registered_models m ON m.registered_model_id = g.resource_pattern
WHERE (m.name IS NOT NULL OR NOT ({_IS_MODEL}))
"""
"""Grants with the names of their models; one whose model is gone allows nothing, and is not shown."""


class Row(Protocol):
    """A row as any driver gives it."""

    def __getitem__(self, column: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class ShownGrant:
    """A row of SHOWN_GRANTS."""

    grant_id: int
    role_id: int
    resource_type: str
    resource_pattern: str
    level: int


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role, or a personal one under the name that it is shown with."""

    role_id: int
    name: str
    description: str = ""


ROLE_COLUMNS: Final = "role_id, name, description"
"""Of `roles`, for `shown_role`."""


def shown_role(row: Row) -> ShownRole:
    return ShownRole(row[0], row[1], row[2])


def shown_grant(row: Row) -> ShownGrant:
    return ShownGrant(row[0], row[1], row[2], row[3], row[4])


def grant_document(grant: ShownGrant) -> dict[str, Any]:
    """What MLflow calls a role permission."""
    return {
        "id": grant.grant_id,
        "role_id": grant.role_id,
        "resource_type": grant.resource_type,
        "resource_pattern": grant.resource_pattern,
        "permission": Level(grant.level).name,
    }


def role_document(role: ShownRole, grants: Iterable[ShownGrant]) -> dict[str, Any]:
    return {
        "id": role.role_id,
        "name": role.name,
        "workspace": DEFAULT_WORKSPACE,
        "description": role.description or None,
        "permissions": [grant_document(grant) for grant in grants],
    }


def right_document(role: ShownRole, grant: ShownGrant) -> dict[str, Any]:
    """A grant as what somebody holds by a role."""
    return {
        "role_id": role.role_id,
        "role_name": role.name,
        "workspace": DEFAULT_WORKSPACE,
        "resource_type": grant.resource_type,
        "resource_pattern": grant.resource_pattern,
        "permission": Level(grant.level).name,
    }


def assignment_document(assignment_id: int, user_id: int, role_id: int) -> dict[str, Any]:
    return {"id": assignment_id, "user_id": user_id, "role_id": role_id}
