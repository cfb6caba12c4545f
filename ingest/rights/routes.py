"""The routes of the commands about roles, grants and assignments. A server has them where users are known."""

from functools import partial
from typing import Final

from ingest.rights.commands import RightCommands
from ingest.write_route import write_route
from schemas.levels import Level
from schemas.messages.roles import (
    AddRoleGrant,
    AssignRole,
    CreateRole,
    DeleteRole,
    GrantToUser,
    RemoveRoleGrant,
    RevokeFromUser,
    UnassignRole,
    UpdateRole,
    UpdateRoleGrant,
)
from schemas.rest.access import GRANTED, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import V3, Permission, Route


def _granted(message: GrantToUser | RevokeFromUser) -> tuple[str]:
    return (f"{message.resource_type}:{message.resource_id}",)


_GRANTED: Final[Rule] = (On(Level.MANAGE, GRANTED, _granted),)


def right_routes(commands: RightCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    admin, route = Permission.ADMIN, partial(write_route, prefixes=V3)
    return (
        route("POST", "roles/create", command_handler(CreateRole, commands.create_role), admin),
        route("PATCH", "roles/update", command_handler(UpdateRole, commands.update_role), admin),
        route("DELETE", "roles/delete", command_handler(DeleteRole, commands.delete_role), admin),
        route("POST", "roles/permissions/add", command_handler(AddRoleGrant, commands.add_grant), admin),
        route("PATCH", "roles/permissions/update", command_handler(UpdateRoleGrant, commands.update_grant), admin),
        route("DELETE", "roles/permissions/remove", command_handler(RemoveRoleGrant, commands.remove_grant), admin),
        route("POST", "roles/assign", command_handler(AssignRole, commands.assign), admin),
        route("DELETE", "roles/unassign", command_handler(UnassignRole, commands.unassign), admin),
        route("POST", "users/permissions/grant", command_handler(GrantToUser, commands.grant_to_user), _GRANTED),
        route("POST", "users/permissions/revoke", command_handler(RevokeFromUser, commands.revoke_from_user), _GRANTED),
    )
