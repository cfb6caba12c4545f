"""Bytes between a client and a store, a few hundred KiB in memory at a time, with a bound on a peer's silence."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import hdrs, web

from artifact_proxy.artifact_roots import Place
from artifact_proxy.attachment import attachment_headers, validators_of
from artifact_proxy.http.conditions import ByteRange, Precondition, byte_range_of, precondition_of
from artifact_proxy.lookup import Lookup
from artifact_proxy.stores.blob_store import BlobNotFound, OpenBlob
from schemas.errors import DeadlineExceeded

SILENCE_S: Final = 60.0
"""How long a client may neither send nor take a byte. The bound of the whole transfer is its route's."""

WHOLE_BYTES: Final = 64 * 1024
"""A range of bytes no larger than this is sent in one piece with its headers."""

UNSENT: Final = {
    Precondition.FAILED: HTTPStatus.PRECONDITION_FAILED,
    Precondition.NOT_MODIFIED: HTTPStatus.NOT_MODIFIED,
}


async def received(request: web.Request) -> AsyncIterator[bytes]:
    """The body of a request as it comes.

    Raises DeadlineExceeded when nothing comes for SILENCE_S, ConnectionResetError when the client has gone.
    """
    while True:
        try:
            async with asyncio.timeout(SILENCE_S):
                chunk = await request.content.readany()
        except TimeoutError as error:
            raise DeadlineExceeded(f"Nothing of the upload came for {SILENCE_S:g} s.") from error
        except aiohttp.ClientError as error:
            raise ConnectionResetError("The client went away in the middle of its upload.") from error
        if not chunk:
            return
        yield chunk


async def download(request: web.Request, place: Place, lookup: Lookup) -> web.StreamResponse:
    """The answer that holds the blob that is asked for as `place`, or the range of its bytes that is.

    Raises as BlobStore.open and OpenBlob.read do, and ConnectionResetError when the client takes nothing any more.
    """
    missing: BlobNotFound | None = None
    async for each in lookup.places(place):
        try:
            return await download_from(request, each)
        except BlobNotFound as error:
            missing = missing or error
    assert missing is not None, "there is always a first place"
    raise missing


async def download_from(request: web.Request, place: Place) -> web.StreamResponse:
    """The answer that holds the blob at `place`, or the range of its bytes that is asked for.

    Raises as BlobStore.open and OpenBlob.read do, and ConnectionResetError when the client takes nothing any more.
    """
    async with place.store.open(place.path) as blob:
        headers = attachment_headers(place.path.name, blob.info)
        precondition = precondition_of(request, blob.info)
        if precondition is not Precondition.HOLDS:
            return web.Response(status=UNSENT[precondition], headers=validators_of(blob.info))
        byte_range = byte_range_of(request, blob.info)
        if byte_range is None:
            headers = {hdrs.CONTENT_RANGE: f"bytes */{blob.info.size}", hdrs.ACCEPT_RANGES: "bytes"}
            return web.Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        status = HTTPStatus.OK
        if byte_range.length < blob.info.size:
            status = HTTPStatus.PARTIAL_CONTENT
            headers[hdrs.CONTENT_RANGE] = f"bytes {byte_range.start}-{byte_range.last}/{blob.info.size}"
        if request.method != hdrs.METH_HEAD and byte_range.length <= WHOLE_BYTES:
            body = b"".join([chunk async for chunk in blob.read(byte_range.start, byte_range.length)])
            return web.Response(status=status, headers=headers, body=body)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = byte_range.length
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await send(response, blob, byte_range)
        return response


async def send(response: web.StreamResponse, blob: OpenBlob, byte_range: ByteRange) -> None:
    """Write a range of bytes to the client as fast as it takes it.

    Raises ConnectionResetError when it takes nothing for SILENCE_S.
    """
    async for chunk in blob.read(byte_range.start, byte_range.length):
        try:
            async with asyncio.timeout(SILENCE_S):
                await response.write(chunk)
        except TimeoutError as error:
            raise ConnectionResetError(f"The client took nothing for {SILENCE_S:g} s.") from error
    await response.write_eof()
