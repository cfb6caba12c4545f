"""How what happened to users and roles is undone: by administrators alone.

A user or a role that is gone is gone for good, and what is granted to another one of the name is not what it had: so
nothing that was changed later is overwritten here.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import KnownEntities
from ingest.rights.lookups import ROLE_NAMED
from ingest.undo.trace import Change
from ingest.undo.undoing import NOT_KNOWN, Undoing, Wanted, undo_of
from schemas.events import (
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyEvent,
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
from schemas.fields.field import DESCRIPTION, NAME, Held
from schemas.fields.users import ASSIGNED, GRANTS, IS_ADMIN

_NOT_UNDONE_OF_USERS: Final[Mapping[type, str]] = {
    UserCreated: "A user who was created is not undone, but may be deleted.",
    UserDeleted: "A user who was deleted is gone for good, with what was granted to them.",
    UserPasswordChanged: "A password is not in the history: set another.",
    AccessTokenCreated: "An access token that was created is not undone, but may be revoked.",
    AccessTokenRevoked: "An access token that was revoked is gone for good: make another.",
}
_NOT_UNDONE_OF_ROLES: Final[Mapping[type, str]] = {
    RoleCreated: "A role that was created is not undone, but may be deleted.",
    RoleDeleted: "A role that was deleted is gone for good, with what was granted to it.",
}


async def _hindrance_of_user(
    _known: KnownEntities, _key: str, held: Held, _change: Change, _wanted: Wanted
) -> str | None:
    return "The user is deleted." if held.get(NAME) is None else None


async def _hindrance_of_role(
    known: KnownEntities, _key: str, held: Held, change: Change, _wanted: Wanted
) -> str | None:
    if held.get(NAME) is None:
        return "The role is deleted."
    if change.field not in (NAME, DESCRIPTION):
        return None
    if change.wanted is None:
        return NOT_KNOWN
    if change.field == NAME and await known.lookups.one(ROLE_NAMED, str(change.wanted)) is not None:
        return "The name is that of another role now."
    return None


async def _events_of_user(
    _known: KnownEntities, username: str, _held: Held, changes: Sequence[Change]
) -> list[AnyEvent]:
    return [_event_of_user(username, change) for change in changes]


def _event_of_user(username: str, change: Change) -> AnyEvent:
    undo = undo_of([change])
    if change.field == IS_ADMIN:
        return UserAdminChanged(username=username, is_admin=bool(change.wanted), undo=undo)
    kind, pattern = _resource(change.field)
    if change.wanted is None:
        found = str(change.found)
        return UserRevoked(username=username, resource_type=kind, resource_pattern=pattern, level=found, undo=undo)
    event, wanted = (UserGranted if change.found is None else UserGrantChanged), str(change.wanted)
    return event(username=username, resource_type=kind, resource_pattern=pattern, level=wanted, undo=undo)


async def _events_of_role(
    _known: KnownEntities, role_key: str, _held: Held, changes: Sequence[Change]
) -> list[AnyEvent]:
    return [_event_of_role(role_key, change) for change in changes]


def _event_of_role(role_key: str, change: Change) -> AnyEvent:
    undo, wanted = undo_of([change]), change.wanted
    if change.field == NAME:
        return RoleUpdated(role_key=role_key, name=str(wanted), undo=undo)
    if change.field == DESCRIPTION:
        return RoleUpdated(role_key=role_key, description=str(wanted), undo=undo)
    if change.field.startswith(ASSIGNED):
        event_of_assignment = RoleUnassigned if wanted is None else RoleAssigned
        return event_of_assignment(role_key=role_key, username=change.field.removeprefix(ASSIGNED), undo=undo)
    kind, pattern = _resource(change.field)
    if wanted is None:
        found = str(change.found)
        return RoleRevoked(role_key=role_key, resource_type=kind, resource_pattern=pattern, level=found, undo=undo)
    event = RoleGranted if change.found is None else RoleGrantChanged
    return event(role_key=role_key, resource_type=kind, resource_pattern=pattern, level=str(wanted), undo=undo)


def _resource(field: str) -> tuple[str, str]:
    """The type and the pattern of what is granted."""
    resource_type, _, resource_pattern = field.removeprefix(GRANTS).partition(":")
    return resource_type, resource_pattern


USERS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE_OF_USERS, hindrance=_hindrance_of_user, events=_events_of_user, overwrites=False
)
ROLES_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE_OF_ROLES, hindrance=_hindrance_of_role, events=_events_of_role, overwrites=False
)
