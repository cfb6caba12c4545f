"""The routes to files and folders of the destination, by their paths there."""

from typing import Final

from aiohttp import web

from artifact_proxy.artifact_path import ArtifactPath, file_path, folder_path
from artifact_proxy.artifact_roots import Place
from artifact_proxy.client_names import stored_path
from artifact_proxy.http.artifact_route import DELETE_LIMITS, TRANSFER_LIMITS, ArtifactRoute
from artifact_proxy.http.listing import json_response, listing
from artifact_proxy.http.request_paths import check_query, name_of, path_of
from artifact_proxy.http.transfer import download, received
from artifact_proxy.service import Destination
from artifact_proxy.stores.blob_store import BlobNotFound
from schemas.rest.access import allow
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import READ_LIMITS, V2
from schemas.rest.rules import EDIT_ARTIFACT, MANAGE_ARTIFACT, READ_ARTIFACT


async def list_folder(destination: Destination, request: web.Request) -> web.StreamResponse:
    check_query(request)
    place = await _place(destination, request, folder_path(request.query.get("path", "")))
    return await listing(request, place, destination.lookup)


async def get_file(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = await _place(destination, request, file_path(name_of(request)))
    if not request.query_string:
        return await download(request, place, destination.lookup)
    try:
        return await download(request, place, destination.lookup)
    except BlobNotFound:
        place = await _place(destination, request, file_path(path_of(request)))
        return await download(request, place, destination.lookup)


async def put_file(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = await _place(destination, request, stored_path(file_path(name_of(request))))
    await destination.changes.put(place, received(request), request.content_length, request[ACTOR], request[REQUEST_ID])
    return web.Response()


async def delete(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = await destination.lookup.existing(await _place(destination, request, folder_path(name_of(request))))
    await destination.changes.delete(place, request[ACTOR], request[REQUEST_ID])
    return json_response(b"{}")


async def _place(destination: Destination, request: web.Request, path: ArtifactPath) -> Place:
    """Where a path lies, if what it belongs to may be used as the route does. Raises as `schemas.rest.access.allow`."""
    await allow(request, str(path))
    return destination.place(path)


FOLDER: Final = "/mlflow-artifacts/artifacts"
FILE: Final = "/mlflow-artifacts/artifacts/{artifact_path:.+}"

FILE_ROUTES: Final[tuple[ArtifactRoute[Destination], ...]] = (
    ArtifactRoute("GET", V2, FOLDER, list_folder, READ_ARTIFACT, READ_LIMITS),
    ArtifactRoute("GET", V2, FILE, get_file, READ_ARTIFACT, TRANSFER_LIMITS),
    ArtifactRoute("PUT", V2, FILE, put_file, EDIT_ARTIFACT, TRANSFER_LIMITS),
    ArtifactRoute("DELETE", V2, FILE, delete, MANAGE_ARTIFACT, DELETE_LIMITS),
)
