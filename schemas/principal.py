"""Who asks, as far as it decides what is let in."""

from typing import NamedTuple


class Principal(NamedTuple):
    """A user whose credentials were checked. `is_read_only`: they are those of a token that may only read."""

    user: str
    is_admin: bool = False
    is_read_only: bool = False
