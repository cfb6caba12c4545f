"""The events of who was let in, who was not, and who was denied something, in the stream access/<name>."""

from typing import Final

from schemas.events.event import Event, StreamKind

ACCESS: Final = StreamKind("access", shared_unit="access")

NOBODY_KNOWN: Final = "(unknown)"
"""In the place of a name that is no user's: people type passwords there."""


class AccessEvent(Event, frozen=True):
    """`username` is the user that was claimed, empty where there is none of the name.

    What is much the same as what was noted a while ago is no event: see `tracklog.authentication.access_history`.
    """

    kind = ACCESS

    username: str = ""

    @property
    def stream_key(self) -> str:
        return self.username or NOBODY_KNOWN


class AccessRefused(AccessEvent, frozen=True):
    """Somebody was not let in. `reason` is "credentials" for a wrong password or token."""

    event_type = "access.refused"

    reason: str = "credentials"


class AccessGranted(AccessEvent, frozen=True, kw_only=True):
    """Somebody was let in. `by` is "password", "token", "provider", "session", "certificate" or "proxy".

    `token_id` is that of the access token, for "token".
    """

    event_type = "access.granted"

    by: str
    token_id: str = ""


class AccessDenied(AccessEvent, frozen=True, kw_only=True):
    """Somebody who was let in was refused what they may not: a request by `method` to a path of the pattern `route`."""

    event_type = "access.denied"

    method: str
    route: str


AnyAccessEvent = AccessRefused | AccessGranted | AccessDenied
