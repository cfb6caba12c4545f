"""Roles, grants and assignments as the read model has them.

A personal role is a role of its user here, under the name that it is shown with, as long as anything is granted to it.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from query_api.port import ReadModel
from schemas.documents.roles import (
    ROLE_COLUMNS,
    SHOWN_GRANTS,
    ShownGrant,
    ShownRole,
    role_document,
    shown_grant,
    shown_role,
)
from schemas.events import EXPERIMENTS_ORDERING_UNIT, REGISTERED_MODELS_ORDERING_UNIT, USERS_ORDERING_UNIT
from schemas.levels import ANY_ID, EXPERIMENT, PROMPT, REGISTERED_MODEL, WORKSPACE, Level, combined
from schemas.messages.experiments import experiment_id_of
from schemas.messages.roles import personal_name

RIGHT_UNITS: Final = (USERS_ORDERING_UNIT, REGISTERED_MODELS_ORDERING_UNIT, EXPERIMENTS_ORDERING_UNIT)
"""What is granted on models is shown with their names."""

_OWNED: Final = f"""
SELECT -1, o.user_id, '{EXPERIMENT}', CAST(o.experiment_id AS text), {Level.MANAGE:d}
FROM experiment_owners o JOIN users u ON u.user_id = o.user_id WHERE u.username = $1
UNION ALL
SELECT -1, o.user_id, CASE WHEN m.is_prompt = 1 THEN '{PROMPT}' ELSE '{REGISTERED_MODEL}' END, m.name, {Level.MANAGE:d}
FROM registered_model_owners o JOIN users u ON u.user_id = o.user_id
JOIN registered_models m ON m.registered_model_id = o.registered_model_id WHERE u.username = $1
"""
"""What a user has for having created it, as rows of SHOWN_GRANTS."""

_HELD: Final = "SELECT a.role_id FROM role_assignments a JOIN users u ON u.user_id = a.user_id WHERE u.username = $1"


async def role_of(read_model: ReadModel, role_id: int) -> ShownRole | None:
    """A role, or the personal one of a user who is there."""
    rows = await _fetch(read_model, f"SELECT {ROLE_COLUMNS} FROM roles WHERE role_id = $1", role_id)
    if rows:
        return shown_role(rows[0])
    rows = await _fetch(read_model, "SELECT user_id FROM role_assignments WHERE user_id = $1 AND role_id = $1", role_id)
    return _personal(role_id) if rows else None


async def holds(read_model: ReadModel, username: str, role_id: int) -> bool:
    """Whether a user is assigned to a role."""
    return bool(await _fetch(read_model, f"{_HELD} AND a.role_id = $2", username, role_id))


async def grants_of(read_model: ReadModel, role_id: int) -> list[ShownGrant]:
    rows = await _fetch(read_model, f"{SHOWN_GRANTS} AND g.role_id = $1 ORDER BY g.grant_id", role_id)
    return [shown_grant(row) for row in rows]


async def roles_held_by(read_model: ReadModel, username: str) -> list[tuple[ShownRole, list[ShownGrant]]]:
    """The roles of a user with their grants, oldest first, the personal one last."""
    roles = await _fetch(read_model, f"SELECT {ROLE_COLUMNS} FROM roles WHERE role_id IN ({_HELD})", username)
    grants = await _fetch(read_model, f"{SHOWN_GRANTS} AND g.role_id IN ({_HELD}) ORDER BY g.grant_id", username)
    return _with_grants(roles, grants)


async def owned_by(read_model: ReadModel, username: str) -> list[tuple[ShownRole, ShownGrant]]:
    """What a user may do with what they created, as if it were granted to their personal role."""
    owned = [shown_grant(row) for row in await _fetch(read_model, _OWNED, username)]
    owned.sort(key=lambda one: (one.resource_type, one.resource_pattern))
    return [(_personal(one.role_id), one) for one in owned]


async def all_roles(read_model: ReadModel) -> list[tuple[ShownRole, list[ShownGrant]]]:
    """Every role with its grants, oldest first, personal ones last."""
    roles = await _fetch(read_model, f"SELECT {ROLE_COLUMNS} FROM roles")
    return _with_grants(roles, await _fetch(read_model, f"{SHOWN_GRANTS} ORDER BY g.grant_id"))


async def roles_by_user(read_model: ReadModel) -> dict[int, list[dict[str, Any]]]:
    """The documents of the roles that each user holds, by the user's id."""
    documents = {role.role_id: role_document(role, grants) for role, grants in await all_roles(read_model)}
    held: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for user_id, role_id in await _fetch(read_model, "SELECT user_id, role_id FROM role_assignments ORDER BY role_id"):
        if role_id in documents:
            held[user_id].append(documents[role_id])
    return held


async def assignments_to(read_model: ReadModel, role_id: int) -> list[tuple[int, int]]:
    """Ids of assignments to a role, and of their users."""
    statement = "SELECT assignment_id, user_id FROM role_assignments WHERE role_id = $1 ORDER BY assignment_id"
    return [(row[0], row[1]) for row in await _fetch(read_model, statement, role_id)]


async def level_of(read_model: ReadModel, username: str, resource_type: str, resource_id: str, default: Level) -> Level:
    """What all grants of a user on a resource come to, and at least `default`.

    Of one that is not there, those on all of its type count.
    """
    pattern = resource_id
    if resource_type in (REGISTERED_MODEL, PROMPT):
        statement = "SELECT registered_model_id FROM registered_models WHERE name = $1 AND is_prompt = $2"
        rows = await _fetch(read_model, statement, resource_id, int(resource_type == PROMPT))
        pattern = rows[0][0] if rows else ANY_ID
    statement = (
        f"SELECT resource_type, level FROM grants WHERE role_id IN ({_HELD})"
        f" AND (resource_type = $2 AND (resource_pattern = $3 OR resource_pattern = '{ANY_ID}')"
        f" OR resource_type = '{WORKSPACE}')"
    )
    rows = await _fetch(read_model, statement, username, resource_type, pattern)
    if (WORKSPACE, Level.MANAGE) in rows:
        return Level.MANAGE
    levels = [level for found_type, level in rows if found_type == resource_type]
    if await _owns(read_model, username, resource_type, pattern):
        levels.append(Level.MANAGE)
    return combined(levels, default)


async def _owns(read_model: ReadModel, username: str, resource_type: str, pattern: str) -> bool:
    """Whether a user has one experiment or model for having created it."""
    owner = "JOIN users u ON u.user_id = o.user_id WHERE u.username = $1"
    if resource_type in (REGISTERED_MODEL, PROMPT):
        statement = f"SELECT 1 FROM registered_model_owners o {owner} AND o.registered_model_id = $2"
        return bool(await _fetch(read_model, statement, username, pattern))
    if resource_type != EXPERIMENT or not pattern.isdecimal() or str(experiment_id_of(pattern)) != pattern:
        return False  # grants on an experiment are under its plain number
    statement = f"SELECT 1 FROM experiment_owners o {owner} AND o.experiment_id = $2"
    return bool(await _fetch(read_model, statement, username, int(pattern)))


def _with_grants(
    roles: Sequence[Sequence[Any]], grants: Sequence[Sequence[Any]]
) -> list[tuple[ShownRole, list[ShownGrant]]]:
    of_role: dict[int, list[ShownGrant]] = defaultdict(list)
    for row in grants:
        grant = shown_grant(row)
        of_role[grant.role_id].append(grant)
    named = {row[0]: shown_role(row) for row in roles}
    personal = {one: _personal(one) for one in of_role.keys() - named.keys()}
    return [(each[one], of_role[one]) for each in (named, personal) for one in sorted(each)]


def _personal(user_id: int) -> ShownRole:
    return ShownRole(user_id, personal_name(user_id))


async def _fetch(read_model: ReadModel, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return await read_model.fetch(read_model.dialect.statement(statement), parameters)
