"""Who asks, as far as it decides what is let in."""

from typing import NamedTuple


class Principal(NamedTuple):
    """A user whose credentials were checked. `is_read_only`: they are those of a token that may only read.

    `user_id` is None for somebody without an account here, whom a certificate or a proxy names. `groups` are those that
    the provider of the user's identity puts them in, for as long as it says so. `by` is what they are known by:
    "password", "provider", "session", or "token" and its id; empty for whom a certificate or a proxy names.
    """

    user: str
    is_admin: bool = False
    is_read_only: bool = False
    groups: tuple[str, ...] = ()
    user_id: int | None = None
    by: str = ""
