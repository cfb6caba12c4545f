"""The projection of accounts, their access tokens and rights.

Names are unique, an administrator always stays, and who is gone holds no right, so all of them are decided here, in the
order of the log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, TypeAlias, get_args

from projector.changes import Change, Delete, DeleteBy, Read, Row, Upsert
from projector.projection import Loading, Projection
from projector.projections import rights
from projector.projections.rights import GrantEvent, Rights
from schemas.envelope import RecordedEvent
from schemas.errors import BadRequest, ResourceAlreadyExists
from schemas.events import (
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyRoleEvent,
    AnyUserEvent,
    RoleAssigned,
    RoleUnassigned,
    UserAdminChanged,
    UserCreated,
    UserDeleted,
    UserPasswordChanged,
)
from schemas.fields import refuse_if_changed
from schemas.messages.users import LAST_ADMIN, access_token_not_found, user_not_found

AnEvent: TypeAlias = AnyUserEvent | AnyRoleEvent


@dataclass(slots=True)
class User:
    """A row of `users`."""

    username: str
    user_id: int
    is_admin: int
    password_id: str
    creation_timestamp_ms: int
    issuer: str | None = None
    subject: str | None = None


@dataclass(slots=True)
class AccessToken:
    """A row of `access_tokens`."""

    token_id: str
    username: str
    name: str
    scope: str
    expires_ms: int | None
    creation_timestamp_ms: int


@dataclass(slots=True)
class Users:
    """The users and tokens that a batch is about, all administrators, and what it changes of them."""

    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    changed_users: dict[str, User | None] = field(default_factory=dict)  # None deletes
    changed_tokens: dict[str, AccessToken | None] = field(default_factory=dict)
    deleted_users: set[str] = field(default_factory=set)
    revision: int | None = None
    rights: Rights = field(default_factory=Rights)


_USER: Final = ("username", "user_id", "is_admin", "password_id", "creation_timestamp_ms", "issuer", "subject")
_TOKEN: Final = ("token_id", "username", "name", "scope", "expires_ms", "creation_timestamp_ms")
_USER_ROW: Final = attrgetter(*_USER)
_TOKEN_ROW: Final = attrgetter(*_TOKEN)


def _load(events: Sequence[AnEvent]) -> Loading[Users]:
    state = Users()
    names = {event.username for event in events if isinstance(event, AnyUserEvent | RoleAssigned | RoleUnassigned)}
    _add(state, (yield Read("users", _USER, "username", names)))
    subjects = {event.identity.subject for event in events if isinstance(event, UserCreated) and event.identity}
    _add(state, (yield Read("users", _USER, "subject", subjects)))
    if any(isinstance(event, UserAdminChanged | UserDeleted) for event in events):
        _add(state, (yield Read("users", _USER, "is_admin", {1})))
    tokens = {event.token_id for event in events if isinstance(event, AccessTokenCreated | AccessTokenRevoked)}
    for row in (yield Read("access_tokens", _TOKEN, "token_id", tokens)):
        state.tokens[row[0]] = AccessToken(*row)
    of_rights = [event for event in events if isinstance(event, AnyRoleEvent | GrantEvent)]
    yield from rights.load(state.rights, of_rights, {name: user.user_id for name, user in state.users.items()})
    return state


def _add(state: Users, rows: Sequence[Row]) -> None:
    for row in rows:
        state.users.setdefault(row[0], User(*row))


def _fold(state: Users, recorded: RecordedEvent, event: AnEvent) -> None:
    if isinstance(event, AnyRoleEvent | GrantEvent):
        rights.fold(state.rights, recorded, event, lambda username: _user(state, username).user_id)
        return
    time_ms = recorded.time_us // 1000
    if isinstance(event, UserCreated):
        if event.username in state.users:
            raise ResourceAlreadyExists(f"User (username={event.username}) already exists.")
        user = User(event.username, recorded.offset, int(event.is_admin), event.password_id, time_ms)
        if event.identity is not None:
            user.issuer, user.subject = event.identity.issuer, event.identity.subject
            _require_nobody_else(state, user)
    else:
        user = _user(state, event.username)
    if event.undo is not None:
        refuse_if_changed(event.undo, lambda _field: user.is_admin)  # the one that an undo sets
    match event:
        case UserCreated():
            _change(state, user)
            rights.fold_new_user(state.rights, user.user_id)
        case UserPasswordChanged():
            user.password_id = event.password_id
            _change(state, user)
        case UserAdminChanged():
            if not event.is_admin:
                _require_another_admin(state, user)
            user.is_admin = int(event.is_admin)
            _change(state, user)
        case UserDeleted():
            _require_another_admin(state, user)
            _delete(state, user)
            rights.fold_deleted_user(state.rights, user.user_id, recorded.offset)
        case AccessTokenCreated():
            if event.token_id in state.tokens:
                raise ResourceAlreadyExists(f"Token id {event.token_id} is taken.")
            token = AccessToken(
                event.token_id, event.username, event.name, event.scope, event.expires_ms, creation_timestamp_ms=time_ms
            )
            state.tokens[token.token_id] = state.changed_tokens[token.token_id] = token
        case AccessTokenRevoked():
            known = state.tokens.get(event.token_id)
            if known is None or known.username != event.username:
                raise access_token_not_found(event.token_id)
            del state.tokens[event.token_id]
            state.changed_tokens[event.token_id] = None
    state.revision = recorded.offset


def _user(state: Users, username: str) -> User:
    user = state.users.get(username)
    if user is None:
        raise user_not_found(username)
    return user


def _require_nobody_else(state: Users, user: User) -> None:
    """Raises ResourceAlreadyExists when another user has the identity of `user`."""
    for other in state.users.values():
        if (other.issuer, other.subject) == (user.issuer, user.subject):
            raise ResourceAlreadyExists(f"User (username={other.username}) has this identity.")


def _require_another_admin(state: Users, user: User) -> None:
    """Raises BadRequest when `user` is the only administrator."""
    if user.is_admin and not any(other.is_admin for other in state.users.values() if other is not user):
        raise BadRequest(LAST_ADMIN)


def _change(state: Users, user: User) -> None:
    state.users[user.username] = state.changed_users[user.username] = user


def _delete(state: Users, user: User) -> None:
    del state.users[user.username]
    state.changed_users[user.username] = None
    state.deleted_users.add(user.username)
    for token in [one for one in state.tokens.values() if one.username == user.username]:
        del state.tokens[token.token_id]
        state.changed_tokens[token.token_id] = None


def _changes(state: Users) -> Iterator[Change]:
    # The tokens of a name go first: of who has it now, those that are new come back.
    yield DeleteBy("access_tokens", "username", [(one,) for one in state.deleted_users])
    yield Upsert("users", [_USER_ROW(user) for user in state.changed_users.values() if user is not None])
    yield Delete("users", [(name,) for name, user in state.changed_users.items() if user is None])
    yield Upsert("access_tokens", [_TOKEN_ROW(one) for one in state.changed_tokens.values() if one is not None])
    yield Delete("access_tokens", [(one,) for one, token in state.changed_tokens.items() if token is None])
    if state.revision is not None:
        yield Upsert("users_revision", [(0, state.revision)])
    yield from rights.changes(state.rights)


USERS: Final = Projection((*get_args(AnyUserEvent), *get_args(AnyRoleEvent)), _load, _fold, _changes)
