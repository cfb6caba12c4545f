"""The events of who was not let in, in the stream access/<name>."""

from typing import Final

from schemas.events.event import Event, StreamKind

ACCESS: Final = StreamKind("access", shared_unit="access")

NOBODY_KNOWN: Final = "(unknown)"
"""In the place of a name that is no user's: people type passwords there."""


class AccessEvent(Event, frozen=True):
    """`username` is the user that was claimed, empty where there is none of the name."""

    kind = ACCESS

    username: str = ""

    @property
    def stream_key(self) -> str:
        return self.username or NOBODY_KNOWN


class AccessRefused(AccessEvent, frozen=True):
    """Somebody was not let in. `reason` is "credentials" for a wrong password or token.

    Not every refusal is an event: see `tracklog.authentication.refused_logins`.
    """

    event_type = "access.refused"

    reason: str = "credentials"


AnyAccessEvent = AccessRefused
