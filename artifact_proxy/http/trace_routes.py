"""The route to the spans of a trace as a file, and to its attachments."""

import re
from typing import Final

from aiohttp import hdrs, web

from artifact_proxy.http.artifact_route import TRANSFER_LIMITS, ArtifactRoute
from artifact_proxy.http.request_paths import check_query
from artifact_proxy.http.transfer import download
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.blob_store import BlobNotFound
from schemas.errors import BadRequest, InvalidParameterValue, NotFound
from schemas.levels import Level
from schemas.messages.bounds import MAX_ID_CHARACTERS, shown
from schemas.rest.access import TRACE, On, Rule, allow
from schemas.rest.large_body import LargeAnswer
from schemas.rest.route import V2_AJAX_ONLY, V3_AJAX_ONLY
from schemas.traces import is_trace_id, spans_not_found

SPANS_FILE: Final = "traces.json"
"""What clients that have no other way put the spans of a trace into."""

_ATTACHMENT: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_READ: Final[Rule] = (On(Level.READ, TRACE, None),)


async def get_of_trace(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    """An attachment of a trace, or its spans. Where they lie only the server says.

    Raises BadRequest, InvalidParameterValue, ResourceDoesNotExist, NotFound.
    """
    check_query(request)
    trace_id = request.query.get("request_id", "")
    if not trace_id:
        raise BadRequest('Request must include the "request_id" query parameter.')
    if len(trace_id) > MAX_ID_CHARACTERS or not is_trace_id(trace_id):
        raise spans_not_found(trace_id[:MAX_ID_CHARACTERS])
    await allow(request, trace_id)
    path = request.query.get("path")
    if path is not None:
        if not _ATTACHMENT.fullmatch(path):
            raise InvalidParameterValue(f"Invalid path {shown(path)}: an attachment is named by a UUID.")
        return await _file(proxy, request, trace_id, f"attachments/{path}")
    spans = await proxy.traces.spans_file(trace_id)
    if spans is None:
        return await _file(proxy, request, trace_id, SPANS_FILE)
    headers = {hdrs.CONTENT_DISPOSITION: f"attachment; filename={SPANS_FILE}", "X-Content-Type-Options": "nosniff"}
    if not isinstance(spans, bytes):
        return LargeAnswer(spans, {hdrs.CONTENT_TYPE: "text/plain; charset=utf-8", **headers})
    return web.Response(body=spans, content_type="text/plain", charset="utf-8", headers=headers)


async def _file(proxy: ArtifactProxy, request: web.Request, trace_id: str, path: str) -> web.StreamResponse:
    try:
        return await download(request, proxy.file(await proxy.traces.root(trace_id), path), proxy.lookup)
    except BlobNotFound as error:
        raise NotFound(f"Trace data not found for the trace {trace_id}: {path}") from error


TRACE_ROUTES: Final[tuple[ArtifactRoute[ArtifactProxy], ...]] = (
    ArtifactRoute(
        "GET", V2_AJAX_ONLY + V3_AJAX_ONLY, "/mlflow/get-trace-artifact", get_of_trace, _READ, TRANSFER_LIMITS
    ),
)
