"""The events of a user's account and access tokens, in the stream user/<name>.

No password, hash or token is in them: `password_id` and `token_id` name entries in the store of secrets, which alone
has the hash and the digest.
"""

from typing import Final

import msgspec

from schemas.events.event import Event, StreamKind

USERS_ORDERING_UNIT: Final = "users"
"""All users share it: their names are unique, and the last administrator cannot go."""

USERS: Final = StreamKind("user", shared_unit=USERS_ORDERING_UNIT)


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who somebody is to a provider of OpenID Connect: the issuer gives the subject to nobody else, ever."""

    issuer: str
    subject: str


class UserEvent(Event, frozen=True):
    kind = USERS

    username: str

    @property
    def stream_key(self) -> str:
        return self.username


class UserCreated(UserEvent, frozen=True):
    """`password_id` is empty without a password; `identity`, which version 1 lacks, is of whom a provider knows."""

    event_type = "user.created"
    event_version = 2

    password_id: str = ""
    is_admin: bool = False
    identity: Identity | None = None


class UserPasswordChanged(UserEvent, frozen=True):
    event_type = "user.password-changed"

    password_id: str


class UserAdminChanged(UserEvent, frozen=True):
    """The user is an administrator from now on, who may do everything, or is none any more."""

    event_type = "user.admin-changed"

    is_admin: bool


class UserDeleted(UserEvent, frozen=True):
    """The user is gone with all tokens. A new one may take the name."""

    event_type = "user.deleted"


class AccessTokenCreated(UserEvent, frozen=True):
    """`scope` is "read" or "all"; `expires_ms` is None for never."""

    event_type = "user.token-created"

    token_id: str
    name: str
    scope: str
    expires_ms: int | None = None


class AccessTokenRevoked(UserEvent, frozen=True):
    event_type = "user.token-revoked"

    token_id: str


AnyUserEvent = (
    UserCreated | UserPasswordChanged | UserAdminChanged | UserDeleted | AccessTokenCreated | AccessTokenRevoked
)
