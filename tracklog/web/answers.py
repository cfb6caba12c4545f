"""Errors as responses: MLflow's body for every one of them.

Source of `sqlstate` and `error_class`: what MLflow 3.17 sends with each code.
"""

from functools import cache
from typing import Final

import orjson
from aiohttp import hdrs, web

from schemas.errors import (
    BadRequest,
    EndpointNotFound,
    InternalError,
    MethodNotAllowed,
    RequestLimitExceeded,
    RequestTooLarge,
    Retryable,
    TracklogError,
    UnsupportedEncoding,
)
from schemas.rest.route import Kind

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


def refused_connection() -> bytes:
    """What a client is told that may not have another connection: an answer to whatever it asks."""
    error = RequestLimitExceeded("Too many connections are open; try again.")
    body = error_body(error)
    head = (
        f"HTTP/1.1 {error.status} Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nServer: tracklog\r\n\r\n"
    )
    return head.encode() + body


def status_of(error: TracklogError, kind: Kind) -> int:
    """The status by which a client is told of `error` on a route of this kind; see `schemas.errors`."""
    if kind is Kind.WRITE and isinstance(error, Retryable) and error.status >= 500 and not error.in_doubt:
        return RequestLimitExceeded.status
    return error.status


def error_response(error: TracklogError, status: int | None = None) -> web.Response:
    """What a client is told of `error`, by the error's own status unless another is given."""
    response = web.Response(body=error_body(error), status=status or error.status, content_type="application/json")
    if isinstance(error, UnsupportedEncoding):
        response.headers[hdrs.ACCEPT_ENCODING] = "gzip, zstd"
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


@cache
def _classified(code: str) -> dict[str, str]:
    found = CLASSIFICATION.get(code)
    return {"sqlstate": found[0], "error_class": found[1]} if found else {}
