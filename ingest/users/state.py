"""What commands know of a user."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A user as the read model has it."""

    username: str
    user_id: int
    is_admin: bool
    password_id: str


@dataclass(frozen=True, slots=True)
class KnownAccessToken:
    """A token, and whose it is."""

    token_id: str
    username: str
