"""What a user is allowed, as a document that can be compared: the account, the roles, and what is granted to each."""

from typing import Final

import orjson

from query_api.port import ReadModel
from schemas.levels import Level

_USER: Final = "SELECT user_id, is_admin FROM users WHERE username = $1"
_ROLES: Final = """
SELECT r.role_id, r.name FROM role_assignments a JOIN roles r ON r.role_id = a.role_id WHERE a.user_id = $1
ORDER BY r.role_id
"""
_GRANTS: Final = """
SELECT g.role_id, g.resource_type, g.resource_pattern, g.level
FROM grants g JOIN role_assignments a ON a.role_id = g.role_id WHERE a.user_id = $1 ORDER BY g.grant_id
"""


async def rights_document(read_model: ReadModel, username: str) -> bytes | None:
    """`{"user": …}`, None without such a user. What they may do with what they created is not in it.

    A grant is named by the resource and the role that has it; those of a registered model or a prompt by its id.
    """
    statement = read_model.dialect.statement
    users = await read_model.fetch(statement(_USER), (username,))
    if not users:
        return None
    [(user_id, is_admin)] = users
    rows = await read_model.fetch(statement(_ROLES), (user_id,))
    roles: dict[int, str] = {row[0]: row[1] for row in rows}
    grants = [
        {"key": f"{resource_type} {pattern}{_by(roles.get(role_id))}", "value": Level(level).name}
        for role_id, resource_type, pattern, level in await read_model.fetch(statement(_GRANTS), (user_id,))
    ]
    return orjson.dumps({"user": {"is_admin": bool(is_admin), "roles": sorted(roles.values()), "grants": grants}})


def _by(role: str | None) -> str:
    """Through which role; a user's own grants are by none that has a name."""
    return "" if role is None else f" by role {role}"
