"""What the web front and a route's handler tell each other on a request."""

from typing import Final

from aiohttp import web

from schemas.envelope import Actor

ACTOR: Final = web.RequestKey("tracklog.actor", Actor)
"""Who asks. Set before a handler runs."""

REQUEST_ID: Final = web.RequestKey("tracklog.request_id", str)
"""The request's id, the client's own where it sent one. Set before a handler runs."""

BEHIND: Final = web.RequestKey("tracklog.behind", str)
"""Set by a handler that answered without having seen the whole log: `<partition>:<checkpoint>/<end>`."""
