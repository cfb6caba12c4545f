"""A page of the history as a route: addresses made plain, errors as pages too, and nothing from elsewhere."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiohttp import hdrs, web

from query_api.history_page.entries import with_query
from query_api.history_page.pages import ERROR, page_text
from query_api.history_page.subject import plain_query
from schemas.errors import PermissionDenied, Retryable, TracklogError
from schemas.messages.message import Message
from schemas.rest.access import ASKING, Rule
from schemas.rest.decode import read_message
from schemas.rest.handler import named
from schemas.rest.route import NO_PREFIX, READ_LIMITS, Handler, Kind, Route
from schemas.rest.rules import READ_HISTORY

M = TypeVar("M", bound=Message)

PATH: Final = "/history"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, and no script that stands in a page: what users wrote is text, and twice so."""

Show = Callable[[web.Request, M, str], Awaitable[str]]
"""The HTML of a page, for a request, its message, and the server's own path before that of the page."""


def page_route(path: str, message_type: type[M], show: Show[M], permission: Rule = READ_HISTORY) -> Route:
    """The route of the page at `path` below `/history`, for who may read the history that the message names."""
    return Route(
        method=hdrs.METH_GET,
        path=PATH + path,
        prefixes=NO_PREFIX,
        handler=named(f"handle_page_{path.strip('/') or 'history'}", _handler(PATH + path, message_type, show)),
        kind=Kind.PAGE,
        permission=permission,
        limits=READ_LIMITS,
    )


def _handler(path: str, message_type: type[M], show: Show[M]) -> Handler:
    async def handle_page(request: web.Request) -> web.StreamResponse:
        root = request.path.removesuffix(path)
        try:
            plain = plain_query(request.query.items())
            is_plain = plain == list(request.query.items())
            asked = request if is_plain else request.clone(rel_url=request.rel_url.with_query(plain))
            message = await read_message(asked, message_type)
            if not is_plain:
                return web.Response(status=303, headers={hdrs.LOCATION: with_query(request.path, plain)})
            return _html(await show(request, message, root))
        except TracklogError as error:
            asking = request[ASKING]
            if isinstance(error, PermissionDenied) or (asking is not None and not asking.is_decided):
                raise  # who asks was not let in
            answer = _html(page_text(ERROR, root=root, title="No answer", error=error), error.status)
            if isinstance(error, Retryable):
                answer.headers[hdrs.RETRY_AFTER] = "1"
            return answer

    return handle_page


def _html(text: str, status: int = 200) -> web.Response:
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "same-origin",
        hdrs.CACHE_CONTROL: "no-store",
    }
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
