"""From what is known and a command to the event that it makes, or an error. Pure."""

from ingest.rights.state import Holder, Resource
from schemas.events import (
    RoleGrantChanged,
    RoleGranted,
    RoleRevoked,
    UserGrantChanged,
    UserGranted,
    UserRevoked,
)
from schemas.levels import Level


def grant(holder: Holder, on: Resource, level: Level) -> RoleGranted | UserGranted:
    if holder.role_key is None:
        return UserGranted(
            username=holder.username, resource_type=on.type, resource_pattern=on.pattern, level=level.name
        )
    return RoleGranted(role_key=holder.role_key, resource_type=on.type, resource_pattern=on.pattern, level=level.name)


def change(holder: Holder, on: Resource, level: Level) -> RoleGrantChanged | UserGrantChanged:
    if holder.role_key is None:
        return UserGrantChanged(
            username=holder.username, resource_type=on.type, resource_pattern=on.pattern, level=level.name
        )
    return RoleGrantChanged(
        role_key=holder.role_key, resource_type=on.type, resource_pattern=on.pattern, level=level.name
    )


def revoke(holder: Holder, on: Resource, level: Level) -> RoleRevoked | UserRevoked:
    """`level` is what was granted."""
    if holder.role_key is None:
        return UserRevoked(
            username=holder.username, resource_type=on.type, resource_pattern=on.pattern, level=level.name
        )
    return RoleRevoked(role_key=holder.role_key, resource_type=on.type, resource_pattern=on.pattern, level=level.name)
