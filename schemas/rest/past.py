"""How a request asks for an answer of a moment that is past, and how the answer says of which state it is."""

from typing import Final

from aiohttp import web
from multidict import istr

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown

AS_OF_HEADER: Final = istr("X-Tracklog-As-Of")
AS_OF_PARAMETER: Final = "as_of"
POSITION_HEADER: Final = istr("X-Tracklog-Position")

POSITION: Final = web.RequestKey("tracklog.position", str)
"""Set by a handler that answers from the past: the positions of the state."""

_IN_A_QUERY: Final = f"{AS_OF_PARAMETER}="


def as_of(request: web.Request) -> str | None:
    """The moment that a request names, in its header or its query string; None asks for now."""
    moment = request.headers.get(AS_OF_HEADER)
    if moment is None and _IN_A_QUERY in request.rel_url.raw_query_string:
        moment = request.query.get(AS_OF_PARAMETER)
    return moment


def only_of_now(moment: str) -> InvalidParameterValue:
    """The refusal of a route that does not answer from the past: an answer of now would be taken for one of then."""
    return InvalidParameterValue(
        f"Only single things are answered as of a moment, and never changed. `tracklog server --as-of {shown(moment)}`"
        " serves everything that reads, searches and the page too, as it was then."
    )
