"""The events of a role, which users are assigned to, and of its grants, in the stream role/<role_key>."""

from typing import Final

from schemas.events.event import Event, StreamKind
from schemas.events.users import USERS_ORDERING_UNIT

ROLES: Final = StreamKind("role", shared_unit=USERS_ORDERING_UNIT)


class RoleEvent(Event, frozen=True):
    """`role_key` is an id that whoever creates a role makes; the name of a role may change."""

    kind = ROLES

    role_key: str

    @property
    def stream_key(self) -> str:
        return self.role_key


class RoleCreated(RoleEvent, frozen=True):
    event_type = "role.created"

    name: str
    description: str = ""


class RoleUpdated(RoleEvent, frozen=True):
    """None leaves what was."""

    event_type = "role.updated"

    name: str | None = None
    description: str | None = None


class RoleDeleted(RoleEvent, frozen=True):
    """The role is gone with its grants and assignments."""

    event_type = "role.deleted"


class RoleGranted(RoleEvent, frozen=True):
    """Who holds the role holds `level` on a resource: see `schemas.events.users.UserGranted`."""

    event_type = "role.granted"

    resource_type: str
    resource_pattern: str
    level: str


class RoleGrantChanged(RoleEvent, frozen=True):
    event_type = "role.grant-changed"

    resource_type: str
    resource_pattern: str
    level: str


class RoleRevoked(RoleEvent, frozen=True):
    """`level` is what the grant was of, where that is known."""

    event_type = "role.revoked"

    resource_type: str
    resource_pattern: str
    level: str = ""


class RoleAssigned(RoleEvent, frozen=True):
    event_type = "role.assigned"

    username: str


class RoleUnassigned(RoleEvent, frozen=True):
    event_type = "role.unassigned"

    username: str


AnyRoleEvent = (
    RoleCreated
    | RoleUpdated
    | RoleDeleted
    | RoleGranted
    | RoleGrantChanged
    | RoleRevoked
    | RoleAssigned
    | RoleUnassigned
)
