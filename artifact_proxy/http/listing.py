"""What a folder holds, as JSON that is sent as it is read: a folder of any size is never held whole."""

from collections.abc import AsyncIterator
from typing import Final

import orjson
from aiohttp import hdrs, web

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.artifact_roots import Place
from artifact_proxy.lookup import Lookup, names_shown
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.blob_store import Entry
from schemas.errors import InvalidParameterValue
from schemas.messages.artifacts import ListArtifacts
from schemas.messages.bounds import shown
from schemas.rest.json_answer import JsonAnswer

PYTHON_CLIENT: Final = "mlflow-python-client/"
"""How the User-Agent of MLflow's Python client begins."""

MOST_ENTRIES: Final = 10_000
"""In an answer that is held whole."""

ENTRIES_AT_ONCE: Final = 1000
"""A listing no longer than this is one answer with a length; a longer one is sent in pieces of this many."""


async def listing(
    request: web.Request,
    place: Place,
    lookup: Lookup,
    prefix: ArtifactPath = ROOT,
    root_uri: str | None = None,
) -> web.StreamResponse:
    """The answer that lists a folder by name, as MLflow's FileInfo with `prefix` before each name.

    Like every empty list, `files` is left out when it is empty. MLflow's Python client gets a stand-in for a name that
    it could not ask for, and would give up at; all others get the name.
    Raises StoreUnavailable; when the store fails in the middle of a long listing, the answer breaks off.
    """
    beginning = b"{" if root_uri is None else orjson.dumps({"root_uri": root_uri})[:-1]
    for_client = request.headers.get(hdrs.USER_AGENT, "").startswith(PYTHON_CLIENT)
    start = f"{prefix}/" if prefix.segments else ""

    pieces = in_pieces(place.store.entries(place.path), start, for_client=for_client)
    first = await anext(pieces, b"")
    if not first:
        place = await lookup.existing(place)
        pieces = in_pieces(place.store.entries(place.path), start, for_client=for_client)
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


async def list_whole(proxy: ArtifactProxy, message: ListArtifacts) -> bytes:
    """As `listing` of a run, for an answer that is part of another and cannot be sent as it is read.

    Raises InvalidParameterValue for a folder of more than MOST_ENTRIES, ResourceDoesNotExist, StoreUnavailable.
    """
    root_uri = await proxy.root_of_run(message.run)
    place, below = proxy.folder(root_uri, message.path)
    entries = await _bounded(place.store.entries(place.path), message.path)
    if not entries:
        place = await proxy.lookup.existing(place)
        entries = await _bounded(place.store.entries(place.path), message.path)
    start = f"{below}/" if below.segments else ""
    files = await as_json(entries, start, for_client=False)
    return orjson.dumps({"root_uri": root_uri})[:-1] + b',"files":[' + files + b"]}"


async def _bounded(entries: AsyncIterator[Entry], path: str) -> list[Entry]:
    found = []
    async for entry in entries:
        found.append(entry)
        if len(found) > MOST_ENTRIES:
            raise InvalidParameterValue(
                f"The folder {shown(path)} has more than {MOST_ENTRIES} entries; artifacts/list lists them."
            )
    return found


async def in_pieces(entries: AsyncIterator[Entry], start: str, *, for_client: bool) -> AsyncIterator[bytes]:
    """FileInfos, separated by commas, ENTRIES_AT_ONCE in a piece."""
    piece: list[Entry] = []
    async for entry in entries:
        piece.append(entry)
        if len(piece) == ENTRIES_AT_ONCE:
            yield await as_json(piece, start, for_client=for_client)
            piece = []
    if piece:
        yield await as_json(piece, start, for_client=for_client)


async def as_json(entries: list[Entry], start: str, *, for_client: bool) -> bytes:
    names = [entry.name for entry in entries]
    shown = await names_shown(names) if for_client else names
    return orjson.dumps([file_info(start + name, entry) for name, entry in zip(shown, entries, strict=True)])[1:-1]


def file_info(path: str, entry: Entry) -> dict[str, object]:
    """MLflow's FileInfo."""
    if entry.size is None:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": entry.size}


def json_response(body: bytes) -> web.Response:
    """The answer whose body is this JSON."""
    return JsonAnswer(body)
