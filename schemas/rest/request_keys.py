"""What the web front and a route's handler pass to each other, on a request or on the application."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web

from schemas.envelope import Actor
from schemas.messages.message import Message
from schemas.principal import Principal


class Unpacking(NamedTuple):
    """How a packed body may be unpacked."""

    limit: int
    """The most bytes it may hold."""
    charge: Callable[[int], bool]
    """Charges so many bytes to the client's share of memory while the request lasts; False if it is used up."""


ACTOR: Final = web.RequestKey("tracklog.actor", Actor)
"""Who sent the request. Set before a handler runs."""

PRINCIPAL: Final = web.RequestKey("tracklog.principal", Principal)
"""Whose credentials the request has. Set before the handler of a route that is not public, where users are known."""

REQUEST_ID: Final = web.RequestKey("tracklog.request_id", str)
"""The request's id, the client's own where it sent one. Set before a handler runs."""

BEHIND: Final = web.RequestKey("tracklog.behind", str)
"""Set by a handler that answered without having seen the whole log: `<partition>:<checkpoint>/<end>`."""

KNOWS_ITS_HOSTS: Final = web.AppKey("tracklog.knows_its_hosts", bool)
"""Whether a Host header that is let in is an address of this server. A client writes it, and it is worth no more than
the check of `--allowed-hosts`: where that lets every one in, nothing is known."""

AdmitAgain = Callable[[Message], Awaitable[None]]
"""Raises Unauthenticated or PermissionDenied once the sender of a request may not have what a message asks for."""

ADMIT_AGAIN: Final[web.RequestKey[AdmitAgain]] = web.RequestKey("tracklog.admit_again", AdmitAgain)  # type: ignore[arg-type]
"""Set before the handler of an endless route runs, where users are known."""

UNPACKING: Final = web.RequestKey("tracklog.unpacking", Unpacking)
"""Set before a handler runs, where the body has a Content-Encoding."""
