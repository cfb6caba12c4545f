"""What the events of a user and of a role set: whether somebody is an administrator, grants, assignments.

Passwords and tokens are no fields: what they are is not in the log.
"""

from collections.abc import Mapping
from typing import Final, assert_never

from schemas.events import (
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyRoleEvent,
    AnyUserEvent,
    RoleAssigned,
    RoleCreated,
    RoleDeleted,
    RoleGrantChanged,
    RoleGranted,
    RoleRevoked,
    RoleUnassigned,
    RoleUpdated,
    UserAdminChanged,
    UserCreated,
    UserDeleted,
    UserGrantChanged,
    UserGranted,
    UserPasswordChanged,
    UserRevoked,
)
from schemas.fields.field import DESCRIPTION, NAME, Held, Value

IS_ADMIN: Final = "is_admin"
GRANTS: Final = "grants."
ASSIGNED: Final = "assigned."


def grant_field(resource_type: str, resource_pattern: str) -> str:
    """The name of the field of what is granted on a resource; it holds the name of the level."""
    return f"{GRANTS}{resource_type}:{resource_pattern}"


def set_by_user_event(event: AnyUserEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case UserCreated():
            return {NAME: event.username, IS_ADMIN: int(event.is_admin)}
        case UserAdminChanged():
            return {IS_ADMIN: int(event.is_admin)}
        case UserDeleted():
            return dict.fromkeys(held)
        case UserGranted() | UserGrantChanged():
            return {grant_field(event.resource_type, event.resource_pattern): event.level}
        case UserRevoked():
            return {grant_field(event.resource_type, event.resource_pattern): None}
        case UserPasswordChanged() | AccessTokenCreated() | AccessTokenRevoked():
            return {}
        case _:
            assert_never(event)


def set_by_role_event(event: AnyRoleEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case RoleCreated():
            return {NAME: event.name, DESCRIPTION: event.description}
        case RoleUpdated():
            given = ((NAME, event.name), (DESCRIPTION, event.description))
            return {field: value for field, value in given if value is not None}
        case RoleDeleted():
            return dict.fromkeys(held)
        case RoleGranted() | RoleGrantChanged():
            return {grant_field(event.resource_type, event.resource_pattern): event.level}
        case RoleRevoked():
            return {grant_field(event.resource_type, event.resource_pattern): None}
        case RoleAssigned():
            return {f"{ASSIGNED}{event.username}": event.username}
        case RoleUnassigned():
            return {f"{ASSIGNED}{event.username}": None}
        case _:
            assert_never(event)
