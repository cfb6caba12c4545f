"""The read routes of roles, grants and assignments. A server has them where users are known.

Who is no administrator sees the own rows alone, and the roles that are theirs.
"""

from functools import partial
from typing import Any

from query_api.port import ReadModel
from query_api.reads import Reads, mlflow_read
from query_api.rights.rows import (
    RIGHT_UNITS,
    all_roles,
    assignments_to,
    grants_of,
    holds,
    level_of,
    owned_by,
    role_of,
    roles_held_by,
)
from query_api.users.handler import answer_to_principal
from query_api.users.rows import require_own, user_document
from schemas.documents.roles import (
    ShownRole,
    assignment_document,
    grant_document,
    right_document,
    role_document,
)
from schemas.errors import InvalidParameterValue, PermissionDenied
from schemas.levels import Level, check_resource
from schemas.messages.roles import (
    DEFAULT_WORKSPACE,
    GetRole,
    GetUserLevel,
    ListOwnGrants,
    ListRoleGrants,
    ListRoles,
    ListRoleUsers,
    ListUserGrants,
    ListUserRoles,
    RoleMessage,
    refuse_workspace,
    role_not_found,
)
from schemas.principal import Principal
from schemas.rest.route import V3, Permission, Route


def right_routes(reads: Reads, default: Level) -> tuple[Route, ...]:
    """`default` is the level of everybody on everything that is not denied to them."""
    anyone = Permission.AUTHENTICATED
    handler, route = partial(answer_to_principal, reads, units=RIGHT_UNITS), partial(mlflow_read, prefixes=V3)
    return (
        route("GET", "roles/get", handler(GetRole, _get_role), anyone),
        route("GET", "roles/list", handler(ListRoles, _list_roles), anyone),
        route("GET", "roles/permissions/list", handler(ListRoleGrants, _list_role_grants), anyone),
        route("GET", "roles/users/list", handler(ListRoleUsers, _list_role_users), Permission.ADMIN),
        route("GET", "users/roles/list", handler(ListUserRoles, _list_user_roles), anyone),
        route("GET", "users/permissions/list", handler(ListUserGrants, _list_user_grants), anyone),
        route("GET", "users/permissions/get", handler(GetUserLevel, partial(_get_user_level, default)), anyone),
        route("GET", "users/current/permissions", handler(ListOwnGrants, _list_own_grants), anyone),
    )


async def _get_role(read_model: ReadModel, wanted: GetRole, asking: Principal) -> dict[str, Any]:
    """`{"role"}`. Raises PermissionDenied, ResourceDoesNotExist."""
    role = await _role(read_model, wanted, asking)
    return {"role": role_document(role, await grants_of(read_model, role.role_id))}


async def _list_roles(read_model: ReadModel, wanted: ListRoles, asking: Principal) -> dict[str, Any]:
    """`{"roles"}`: all of them, or of who is no administrator the own, who has to name the workspace as in MLflow."""
    if not all(name.strip() for name in wanted.workspace):
        raise InvalidParameterValue("'workspace', where it is given, must be text that is not empty.")
    if wanted.workspace and DEFAULT_WORKSPACE not in wanted.workspace:
        return {"roles": []}
    if asking.is_admin:
        roles = await all_roles(read_model)
    elif wanted.workspace:
        roles = await roles_held_by(read_model, asking.user)
    else:
        raise PermissionDenied("Only administrators may list all roles.")
    return {"roles": [role_document(*one) for one in roles]}


async def _list_role_grants(read_model: ReadModel, wanted: ListRoleGrants, asking: Principal) -> dict[str, Any]:
    """`{"role_permissions"}`. Raises PermissionDenied, ResourceDoesNotExist."""
    role = await _role(read_model, wanted, asking)
    return {"role_permissions": [grant_document(grant) for grant in await grants_of(read_model, role.role_id)]}


async def _list_role_users(read_model: ReadModel, wanted: ListRoleUsers, asking: Principal) -> dict[str, Any]:
    """`{"assignments": [{"id", "user_id", "role_id"}]}`. Raises ResourceDoesNotExist."""
    role = await _role(read_model, wanted, asking)
    found = await assignments_to(read_model, role.role_id)
    return {"assignments": [assignment_document(one, user_id, role.role_id) for one, user_id in found]}


async def _list_user_roles(read_model: ReadModel, wanted: ListUserRoles, asking: Principal) -> dict[str, Any]:
    """`{"roles"}` that a user holds. Raises PermissionDenied, ResourceDoesNotExist."""
    require_own(wanted.username, asking)
    await user_document(read_model, wanted.username)
    return {"roles": [role_document(*one) for one in await roles_held_by(read_model, wanted.username)]}


async def _list_user_grants(read_model: ReadModel, wanted: ListUserGrants, asking: Principal) -> dict[str, Any]:
    """`{"is_admin", "permissions"}`: all that a user holds by roles. Raises PermissionDenied, ResourceDoesNotExist."""
    require_own(wanted.username, asking)
    user = await user_document(read_model, wanted.username)
    roles = await roles_held_by(read_model, wanted.username)
    rights = [right_document(role, grant) for role, grants in roles for grant in grants]
    rights += [right_document(*one) for one in await owned_by(read_model, wanted.username)]
    return {"is_admin": user["is_admin"], "permissions": rights}


async def _list_own_grants(read_model: ReadModel, _wanted: ListOwnGrants, asking: Principal) -> dict[str, Any]:
    return await _list_user_grants(read_model, ListUserGrants(username=asking.user), asking)


async def _get_user_level(
    default: Level, read_model: ReadModel, wanted: GetUserLevel, asking: Principal
) -> dict[str, Any]:
    """`{"allowed", "permission"}` by grants and the default level, also of an administrator.

    Raises PermissionDenied, ResourceDoesNotExist.
    """
    refuse_workspace(wanted.resource_type)
    check_resource(wanted.resource_type, wanted.resource_id)
    require_own(wanted.username, asking)
    await user_document(read_model, wanted.username)
    level = await level_of(read_model, wanted.username, wanted.resource_type, wanted.resource_id, default)
    return {"allowed": level >= Level.USE, "permission": level.name}


async def _role(read_model: ReadModel, wanted: RoleMessage, asking: Principal) -> ShownRole:
    """The role that is asked for. Who holds it not is told the same whether it is there or not."""
    assert wanted.role_id is not None
    if not asking.is_admin and not await holds(read_model, asking.user, wanted.role_id):
        raise PermissionDenied("Only administrators may ask for roles that they do not hold.")
    role = await role_of(read_model, wanted.role_id)
    if role is None:
        raise role_not_found(wanted.role_id)
    return role
