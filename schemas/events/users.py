"""The events of a user's account, access tokens and direct grants, in the stream user/<name>.

No password, hash or token is in them: `password_id` and `token_id` name entries in the store of secrets, which alone
has the hash and the digest.
"""

from typing import Final

import msgspec

from schemas.events.event import Event, StreamKind

USERS_ORDERING_UNIT: Final = "users"
"""All users and roles share it: names are unique, the last administrator cannot go, and who is gone holds no role."""

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


class UserGranted(UserEvent, frozen=True):
    """The user holds `level` on a resource from now on, beside what roles allow.

    `resource_pattern` is `*`, or an id that no other resource ever has: of a registered model or prompt, the
    `registered_model_id`. `level` is the name of a `schemas.levels.Level`.
    """

    event_type = "user.granted"

    resource_type: str
    resource_pattern: str
    level: str


class UserGrantChanged(UserEvent, frozen=True):
    event_type = "user.grant-changed"

    resource_type: str
    resource_pattern: str
    level: str


class UserRevoked(UserEvent, frozen=True):
    """What the user was granted on a resource counts no more; `level` is what it was, where that is known."""

    event_type = "user.revoked"

    resource_type: str
    resource_pattern: str
    level: str = ""


AnyUserEvent = (
    UserCreated
    | UserPasswordChanged
    | UserAdminChanged
    | UserDeleted
    | AccessTokenCreated
    | AccessTokenRevoked
    | UserGranted
    | UserGrantChanged
    | UserRevoked
)
