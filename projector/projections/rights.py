"""What events of roles and grants come to, for the projection of users, with whom they share an ordering unit.

A personal role has the id of its user and no row of its own: see `read_model.tables.rights`. No id ever comes again, so
what belongs to a role or a user that is gone is deleted by that id, whatever the batch knows of it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, TypeAlias

from projector.changes import Change, Delete, DeleteBy, Read, ReadPairs, Row, Upsert
from projector.projection import Loading
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceAlreadyExists
from schemas.events import (
    AnyRoleEvent,
    RoleAssigned,
    RoleCreated,
    RoleDeleted,
    RoleGrantChanged,
    RoleGranted,
    RoleRevoked,
    RoleUnassigned,
    RoleUpdated,
    UserGrantChanged,
    UserGranted,
    UserRevoked,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import NAME
from schemas.levels import Level, level_named
from schemas.messages.roles import (
    assignment_not_found,
    assignment_taken,
    grant_not_found,
    grant_taken,
    role_not_found,
    role_taken,
)

GrantEvent: TypeAlias = RoleGranted | RoleGrantChanged | RoleRevoked | UserGranted | UserGrantChanged | UserRevoked
"""Of a role, or of a user and so of the personal role."""

Resource: TypeAlias = tuple[str, str]
"""A type and a pattern."""


@dataclass(slots=True)
class Role:
    """A row of `roles`."""

    role_id: int
    role_key: str
    name: str
    description: str
    creation_timestamp_ms: int


@dataclass(slots=True)
class Grant:
    """A row of `grants`."""

    grant_id: int
    role_id: int
    resource_type: str
    resource_pattern: str
    level: int


@dataclass(slots=True)
class RoleAssignment:
    """A row of `role_assignments`."""

    assignment_id: int
    role_id: int
    user_id: int


@dataclass(slots=True)
class Rights:
    """The roles, grants and assignments that a batch is about, and what it changes of them."""

    roles: dict[str, Role] = field(default_factory=dict)  # by key
    names: dict[str, Role] = field(default_factory=dict)
    grants: dict[tuple[int, Resource], Grant] = field(default_factory=dict)
    assignments: dict[tuple[int, int], RoleAssignment] = field(default_factory=dict)  # by user and role
    changed_roles: dict[int, Role | None] = field(default_factory=dict)  # None deletes
    changed_grants: dict[int, Grant | None] = field(default_factory=dict)
    changed_assignments: dict[int, RoleAssignment | None] = field(default_factory=dict)
    deleted_roles: set[int] = field(default_factory=set)  # personal ones among them
    deleted_users: set[int] = field(default_factory=set)
    revision: int | None = None


_ROLE: Final = ("role_id", "role_key", "name", "description", "creation_timestamp_ms")
_GRANT: Final = ("grant_id", "role_id", "resource_type", "resource_pattern", "level")
_ASSIGNMENT: Final = ("assignment_id", "role_id", "user_id")
_ROLE_ROW: Final = attrgetter(*_ROLE)
_GRANT_ROW: Final = attrgetter(*_GRANT)
_ASSIGNMENT_ROW: Final = attrgetter(*_ASSIGNMENT)


# --- what a batch has to read -----------------------------------------------------------------------------------------


def load(rights: Rights, events: Sequence[AnyRoleEvent | GrantEvent], user_ids: dict[str, int]) -> Loading[None]:
    """Read into `rights` what folding `events` can ask for; `user_ids` are those of the users that they name."""
    of_roles = [event for event in events if isinstance(event, AnyRoleEvent)]
    names = {event.name for event in of_roles if isinstance(event, RoleCreated | RoleUpdated) if event.name is not None}
    _add_roles(rights, (yield Read("roles", _ROLE, "role_key", {event.role_key for event in of_roles})))
    _add_roles(rights, (yield Read("roles", _ROLE, "name", names)))
    patterns: dict[int, set[str]] = {}
    roles: dict[int, set[int]] = {}
    for event in events:
        if isinstance(event, GrantEvent):
            role_id = _role_id_in(rights, event, user_ids)
            if role_id is not None:
                patterns.setdefault(role_id, set()).add(event.resource_pattern)
        elif isinstance(event, RoleAssigned | RoleUnassigned):
            role, user_id = rights.roles.get(event.role_key), user_ids.get(event.username)
            if role is not None and user_id is not None:
                roles.setdefault(user_id, set()).add(role.role_id)
    for row in (yield ReadPairs("grants", _GRANT, ("role_id", "resource_pattern"), patterns)):
        grant = Grant(*row)
        rights.grants[grant.role_id, (grant.resource_type, grant.resource_pattern)] = grant
    for row in (yield ReadPairs("role_assignments", _ASSIGNMENT, ("user_id", "role_id"), roles)):
        assignment = RoleAssignment(*row)
        rights.assignments[assignment.user_id, assignment.role_id] = assignment


def _role_id_in(rights: Rights, event: GrantEvent, user_ids: dict[str, int]) -> int | None:
    if isinstance(event, UserGranted | UserGrantChanged | UserRevoked):
        return user_ids.get(event.username)
    role = rights.roles.get(event.role_key)
    return None if role is None else role.role_id


def _add_roles(rights: Rights, rows: Sequence[Row]) -> None:
    for row in rows:
        role = Role(*row)
        if role.role_key not in rights.roles:
            rights.roles[role.role_key] = rights.names[role.name] = role


# --- the fold ---------------------------------------------------------------------------------------------------------


def fold(
    rights: Rights, recorded: RecordedEvent, event: AnyRoleEvent | GrantEvent, user_id_of: Callable[[str], int]
) -> None:
    """Apply one event; `user_id_of` raises where there is no user of a name."""
    if event.undo is not None:
        refuse_if_changed(event.undo, lambda name: _held(rights, event, name, user_id_of))
    match event:
        case RoleCreated():
            _create_role(rights, event, recorded)
        case RoleUpdated():
            _update_role(rights, event)
        case RoleDeleted():
            role = _role(rights, event.role_key)
            del rights.roles[role.role_key], rights.names[role.name]
            rights.changed_roles[role.role_id] = None
            rights.deleted_roles.add(role.role_id)
        case RoleAssigned():
            role, user_id = _role(rights, event.role_key), user_id_of(event.username)
            if (user_id, role.role_id) in rights.assignments:
                raise assignment_taken(event.username)
            _assign(rights, RoleAssignment(recorded.offset, role.role_id, user_id))
        case RoleUnassigned():
            role, user_id = _role(rights, event.role_key), user_id_of(event.username)
            assignment = rights.assignments.pop((user_id, role.role_id), None)
            if assignment is None:
                raise assignment_not_found(event.username)
            rights.changed_assignments[assignment.assignment_id] = None
        case RoleGranted() | RoleGrantChanged() | RoleRevoked():
            _fold_grant(rights, recorded, event, _role(rights, event.role_key).role_id)
        case UserGranted() | UserGrantChanged() | UserRevoked():
            _fold_grant(rights, recorded, event, user_id_of(event.username))
    rights.revision = recorded.offset


def _held(rights: Rights, event: AnyRoleEvent | GrantEvent, name: str, user_id_of: Callable[[str], int]) -> str | None:
    """What a field is that an event of the batch says that it found: one that it sets."""
    if isinstance(event, UserGranted | UserGrantChanged | UserRevoked):
        role_id = user_id_of(event.username)
    else:
        role = _role(rights, event.role_key)
        role_id = role.role_id
        if isinstance(event, RoleAssigned | RoleUnassigned):
            return event.username if (user_id_of(event.username), role_id) in rights.assignments else None
        if not isinstance(event, RoleGranted | RoleGrantChanged | RoleRevoked):
            return role.name if name == NAME else role.description
    grant = rights.grants.get((role_id, (event.resource_type, event.resource_pattern)))
    return None if grant is None else Level(grant.level).name


def fold_new_user(rights: Rights, user_id: int) -> None:
    """A user has a personal role from the first."""
    _assign(rights, RoleAssignment(user_id, user_id, user_id))


def fold_deleted_user(rights: Rights, user_id: int, offset: int) -> None:
    """What was granted to a user alone, and all assignments, go with the user."""
    rights.deleted_users.add(user_id)
    rights.deleted_roles.add(user_id)
    rights.revision = offset


def _role(rights: Rights, role_key: str) -> Role:
    role = rights.roles.get(role_key)
    if role is None:
        raise role_not_found(role_key)
    return role


def _create_role(rights: Rights, event: RoleCreated, recorded: RecordedEvent) -> None:
    """The first claim of a name wins."""
    if event.role_key in rights.roles:
        raise ResourceAlreadyExists(f"Role key {event.role_key} is taken.")
    if event.name in rights.names:
        raise role_taken(event.name)
    role = Role(recorded.offset, event.role_key, event.name, event.description, recorded.time_us // 1000)
    rights.roles[role.role_key] = rights.names[role.name] = rights.changed_roles[role.role_id] = role


def _update_role(rights: Rights, event: RoleUpdated) -> None:
    role = _role(rights, event.role_key)
    if event.name is not None and event.name != role.name:
        if event.name in rights.names:
            raise role_taken(event.name)
        del rights.names[role.name]
        role.name = event.name
        rights.names[role.name] = role
    if event.description is not None:
        role.description = event.description
    rights.changed_roles[role.role_id] = role


def _assign(rights: Rights, assignment: RoleAssignment) -> None:
    rights.assignments[assignment.user_id, assignment.role_id] = assignment
    rights.changed_assignments[assignment.assignment_id] = assignment


def _fold_grant(rights: Rights, recorded: RecordedEvent, event: GrantEvent, role_id: int) -> None:
    key = (role_id, (event.resource_type, event.resource_pattern))
    grant = rights.grants.get(key)
    if isinstance(event, RoleGranted | UserGranted):
        if grant is not None:
            raise grant_taken(event.resource_type, event.resource_pattern)
        level = level_named(event.level)
        grant = Grant(recorded.offset, role_id, event.resource_type, event.resource_pattern, level)
        rights.grants[key] = rights.changed_grants[grant.grant_id] = grant
        return
    if grant is None:
        raise grant_not_found(event.resource_type, event.resource_pattern)
    if isinstance(event, RoleRevoked | UserRevoked):
        del rights.grants[key]
        rights.changed_grants[grant.grant_id] = None
    else:
        grant.level = level_named(event.level)
        rights.changed_grants[grant.grant_id] = grant


# --- what changes -----------------------------------------------------------------------------------------------------


def changes(rights: Rights) -> Iterator[Change]:
    """What the roles, grants and assignments of a batch have come to."""
    # Roles that exchange their names would meet each other: all go first, and come back.
    yield Delete("roles", [(one,) for one in rights.changed_roles])
    yield Delete("grants", [(one,) for one, grant in rights.changed_grants.items() if grant is None])
    gone = [(one,) for one, assignment in rights.changed_assignments.items() if assignment is None]
    yield Delete("role_assignments", gone)
    yield Upsert("roles", [_ROLE_ROW(one) for one in rights.changed_roles.values() if one is not None])
    yield Upsert("grants", [_GRANT_ROW(one) for one in rights.changed_grants.values() if one is not None])
    kept = [one for one in rights.changed_assignments.values() if one is not None]
    yield Upsert("role_assignments", [_ASSIGNMENT_ROW(one) for one in kept])
    # Last, so that what the batch itself granted to them goes, too.
    yield DeleteBy("grants", "role_id", [(one,) for one in rights.deleted_roles])
    yield DeleteBy("role_assignments", "role_id", [(one,) for one in rights.deleted_roles])
    yield DeleteBy("role_assignments", "user_id", [(one,) for one in rights.deleted_users])
    if rights.revision is not None:
        yield Upsert("users_revision", [(1, rights.revision)])
