"""Errors as answers: MLflow's body for every one of them, and what becomes of a connection.

Source of `sqlstate` and `error_class`: what MLflow 3.17 sends with each code.
"""

import logging
import re
from functools import cache
from typing import Final
from urllib.parse import quote

import orjson
from aiohttp import hdrs, web

from schemas.errors import (
    BadRequest,
    DeadlineExceeded,
    EndpointNotFound,
    InternalError,
    MethodNotAllowed,
    RequestLimitExceeded,
    RequestTooLarge,
    Retryable,
    TracklogError,
    Unauthenticated,
    UnsupportedEncoding,
)
from schemas.rest.request_keys import REQUEST_ID
from schemas.rest.route import Kind
from tracklog.web.origin_policy import allow_header

logger = logging.getLogger("tracklog.web")

IS_ANSWERING: Final = web.RequestKey("tracklog.is_answering", bool)
ERROR_CODE: Final = web.RequestKey("tracklog.error_code", str)

CLIENT_GONE_STATUS: Final = 499
"""In log and metrics, for an answer whose client was gone."""

USER_ERROR: Final = "KAM00"
SYSTEM_ERROR: Final = "XXM00"

CLASSIFICATION: Final = {
    "BAD_REQUEST": (USER_ERROR, "INVALID_PARAMETER_VALUE"),
    "ENDPOINT_NOT_FOUND": (USER_ERROR, "RESOURCE_NOT_FOUND"),
    "INTERNAL_ERROR": (SYSTEM_ERROR, "CLIENT_INTERNAL_ERROR"),
    "INVALID_PARAMETER_VALUE": (USER_ERROR, "INVALID_PARAMETER_VALUE"),
    "INVALID_STATE": (SYSTEM_ERROR, "CLIENT_INTERNAL_ERROR"),
    "NOT_FOUND": (USER_ERROR, "RESOURCE_NOT_FOUND"),
    "PERMISSION_DENIED": (USER_ERROR, "PERMISSION_DENIED"),
    "RESOURCE_ALREADY_EXISTS": (USER_ERROR, "RESOURCE_ALREADY_EXISTS"),
    "RESOURCE_DOES_NOT_EXIST": (USER_ERROR, "RESOURCE_NOT_FOUND"),
    "TEMPORARILY_UNAVAILABLE": (SYSTEM_ERROR, "CLIENT_INTERNAL_ERROR"),
}
"""By error code, its `sqlstate` and `error_class`; a code that is not here has neither."""

INTERNAL_MESSAGE: Final = "Internal error. The server's log has it under this request's id."

_PLAIN: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
"""A path and query as RFC 3986 has them, below this server's root."""


_OF_API: Final = re.compile("/(?:ajax-)?api/")
"""What every path of the API begins with, after the server's own prefix."""


def refused_connection() -> bytes:
    """The bytes sent to a client that may not have another connection, whatever it asks."""
    error = RequestLimitExceeded("Too many connections are open; try again.")
    body = error_body(error)
    head = (
        f"HTTP/1.1 {error.status} Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nServer: tracklog\r\n\r\n"
    )
    return head.encode() + body


def status_of(error: TracklogError, kind: Kind) -> int:
    """The status of the answer to `error` on a route of this kind; see `schemas.errors`."""
    if kind is Kind.WRITE and isinstance(error, Retryable) and error.status >= 500 and not error.in_doubt:
        return RequestLimitExceeded.status
    return error.status


def error_response(error: TracklogError, status: int | None = None) -> web.Response:
    """A new answer with the body of `error` and its own status, unless another is given."""
    if isinstance(error, Unauthenticated):
        # Text, as MLflow's: its client shows the body as it is.
        challenge = {hdrs.WWW_AUTHENTICATE: 'Basic realm="mlflow", charset="UTF-8"'}
        return web.Response(text=error.message, status=error.status, headers=challenge)
    response = web.Response(body=error_body(error), status=status or error.status, content_type="application/json")
    if isinstance(error, UnsupportedEncoding):
        response.headers[hdrs.ACCEPT_ENCODING] = "gzip, deflate, zstd"
    if isinstance(error, Retryable):
        response.headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
    return response


def error_body(error: TracklogError) -> bytes:
    """The JSON of `error`, in MLflow's shape."""
    return orjson.dumps({"error_code": error.error_code, "message": error.message, **_classified(error.error_code)})


def http_error(error: web.HTTPException, method: str, path: str, role: str | None = None) -> TracklogError:
    """An error of the web framework as one of ours. `role` is what this process is, where others serve the rest."""
    match error:
        case web.HTTPNotFound():
            if role is not None:
                return EndpointNotFound(f"The {role} role has no endpoint {path}; the reverse proxy knows which has.")
            return EndpointNotFound(f"There is no endpoint {path}.")
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(f"{method} is not allowed on {path}.")
        case web.HTTPRequestEntityTooLarge():
            return RequestTooLarge("The request body is larger than this endpoint takes.")
        case _:
            return BadRequest(error.reason) if error.status < 500 else InternalError(INTERNAL_MESSAGE)


def error_answer(request: web.Request, error: TracklogError, status: int | None = None) -> web.Response:
    """The answer for `error`, unless another answer has begun: then only the connection can be ended."""
    if IS_ANSWERING in request:
        raise ConnectionResetError("An answer cannot be completed") from error
    request[ERROR_CODE] = error.error_code
    response = error_response(error, status)
    if error.explained_by:
        # To the page, below whatever prefix this server is reached by; clients of MLflow pass a header over.
        root = _OF_API.split(request.path, maxsplit=1)[0]
        response.headers[hdrs.LINK] = f'<{root}/history?stream={quote(error.explained_by, safe="/")}>; rel="help"'
    return response


def framework_error_answer(request: web.Request, error: web.HTTPException, role: str | None) -> web.Response:
    """The answer to what the framework raises: a path or a method that is not there, a body too large."""
    if error.status < 400:
        raise error
    url = request.rel_url
    if isinstance(error, web.HTTPNotFound) and "//" in url.raw_path and is_plain(url.raw_path_qs):
        # Clients glue paths together; MLflow sends them to the path they meant.
        query = "?" + url.raw_query_string if url.raw_query_string else ""
        return web.Response(status=308, headers={hdrs.LOCATION: re.sub("/{2,}", "/", url.raw_path) + query})
    response = error_answer(request, http_error(error, request.method, request.path, role))
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers[hdrs.ALLOW] = allow_header(error.allowed_methods)
    return response


def end_connection(request: web.Request, error: ConnectionError) -> web.Response:
    """End a connection that is beyond answering; what is returned is not sent.

    Raised further, the error would be taken for a fault of this program, and traced into the log for every client that
    closes a download. One whose client takes nothing any more would stay open until what waits for it has left.
    """
    level = logging.WARNING if isinstance(error.__cause__, TracklogError) else logging.INFO
    logger.log(level, "request %s: %s broke off: %s", request[REQUEST_ID], request.method, error.__cause__ or error)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=CLIENT_GONE_STATUS)


def timeout_answer(request: web.Request, timeout_s: float) -> web.Response:
    """The answer to a request that took longer than its route allows. Its body may be half read: no reuse."""
    response = error_answer(
        request, DeadlineExceeded(f"The request was ended after {timeout_s:g} s, the bound of its route.")
    )
    response.force_close()
    return response


def fault_answer(request: web.Request, error: Exception) -> web.Response:
    """The answer to an unexpected error; the trace goes to the server's log and nowhere else."""
    route = request.match_info.route.resource
    logger.error(
        "request %s: %s %s raised %s",
        request[REQUEST_ID],
        request.method,
        None if route is None else route.canonical,
        type(error).__name__,
        exc_info=error,
    )
    return error_answer(request, InternalError(INTERNAL_MESSAGE))


def is_plain(path_and_query: str) -> bool:
    """Whether text may stand in a Location header without naming another host, which a backslash does: browsers
    take it for a slash.
    """
    return _PLAIN.fullmatch(path_and_query) is not None


@cache
def _classified(code: str) -> dict[str, str]:
    found = CLASSIFICATION.get(code)
    return {"sqlstate": found[0], "error_class": found[1]} if found else {}
