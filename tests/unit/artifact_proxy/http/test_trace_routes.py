"""The spans of a trace as a file: the same headers, whether it is sent whole or in pieces."""

from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from artifact_proxy.http.trace_routes import get_of_trace
from schemas.rest.large_body import LargeAnswer, LargeBody, body_of

TRACE = "tr-" + "0" * 32


async def answer(spans: bytes | LargeBody) -> web.StreamResponse:
    async def spans_file(_trace_id: str) -> bytes | LargeBody:
        return spans

    proxy: Any = SimpleNamespace(traces=SimpleNamespace(spans_file=spans_file))
    return await get_of_trace(proxy, make_mocked_request("GET", f"/?request_id={TRACE}"))


async def test_a_large_file_of_spans_has_the_headers_of_a_small_one() -> None:
    whole, large = await answer(b"{}"), await answer(body_of([b"{", b"}"]))
    assert isinstance(large, LargeAnswer)
    assert isinstance(whole, web.Response)
    assert large.content_length == whole.content_length == 2
    assert dict(large.headers) == {**whole.headers, "Content-Length": "2"}
    assert b"".join(large.body.pieces) == whole.body
