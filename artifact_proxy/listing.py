"""What a folder holds, as JSON that is sent as it is read: a folder of any size is never held whole."""

from collections.abc import AsyncIterator
from typing import Final

import orjson
from aiohttp import web

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.artifact_roots import Place
from artifact_proxy.blob_store import Entry

ENTRIES_AT_ONCE: Final = 1000
"""A listing no longer than this is one answer with a length; a longer one is sent in pieces of this many."""


async def listing(
    request: web.Request, place: Place, prefix: ArtifactPath = ROOT, root_uri: str | None = None
) -> web.StreamResponse:
    """The answer that lists a folder by name, as MLflow's FileInfo with `prefix` before each name.

    Like every empty list, `files` is left out when it is empty.
    Raises StoreUnavailable; when the store fails in the middle of a long listing, the answer breaks off.
    """
    beginning = b"{" if root_uri is None else orjson.dumps({"root_uri": root_uri})[:-1]
    pieces = in_pieces(place.store.entries(place.path), f"{prefix}/" if prefix.segments else "")
    first = await anext(pieces, b"")
    if not first:
        return json_response(beginning + b"}")
    comma = b"" if root_uri is None else b","
    beginning += comma + b'"files":[' + first
    second = await anext(pieces, b"")
    if not second:
        return json_response(beginning + b"]}")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(beginning)
    while second:
        await response.write(b"," + second)
        second = await anext(pieces, b"")
    await response.write(b"]}")
    await response.write_eof()
    return response


async def in_pieces(entries: AsyncIterator[Entry], start: str) -> AsyncIterator[bytes]:
    """FileInfos, separated by commas, ENTRIES_AT_ONCE in a piece."""
    files: list[dict[str, object]] = []
    async for entry in entries:
        files.append(file_info(start + entry.name, entry))
        if len(files) == ENTRIES_AT_ONCE:
            yield orjson.dumps(files)[1:-1]
            files = []
    if files:
        yield orjson.dumps(files)[1:-1]


def file_info(path: str, entry: Entry) -> dict[str, object]:
    """MLflow's FileInfo."""
    if entry.size is None:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": entry.size}


def json_response(body: bytes) -> web.Response:
    """An answer of JSON that is there already."""
    return web.Response(body=body, content_type="application/json")
