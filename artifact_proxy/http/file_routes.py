"""The routes to files and folders of the destination, by their paths there."""

from typing import Final

from aiohttp import web

from artifact_proxy.artifact_path import file_path, folder_path
from artifact_proxy.client_names import stored_path
from artifact_proxy.http.artifact_route import DELETE_LIMITS, TRANSFER_LIMITS, ArtifactRoute
from artifact_proxy.http.listing import json_response, listing
from artifact_proxy.http.request_paths import check_query, name_of, path_of
from artifact_proxy.http.transfer import download, received
from artifact_proxy.service import Destination
from artifact_proxy.stores.blob_store import BlobNotFound
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import READ_LIMITS, V2, Permission


async def list_folder(destination: Destination, request: web.Request) -> web.StreamResponse:
    check_query(request)
    place = destination.place(folder_path(request.query.get("path", "")))
    return await listing(request, place, destination.lookup)


async def get_file(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = destination.place(file_path(name_of(request)))
    if not request.query_string:
        return await download(request, place, destination.lookup)
    try:
        return await download(request, place, destination.lookup)
    except BlobNotFound:
        return await download(request, destination.place(file_path(path_of(request))), destination.lookup)


async def put_file(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = destination.place(stored_path(file_path(name_of(request))))
    await destination.changes.put(place, received(request), request.content_length, request[ACTOR], request[REQUEST_ID])
    return web.Response()


async def delete(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = await destination.lookup.existing(destination.place(folder_path(name_of(request))))
    await destination.changes.delete(place, request[ACTOR], request[REQUEST_ID])
    return json_response(b"{}")


FOLDER: Final = "/mlflow-artifacts/artifacts"
FILE: Final = "/mlflow-artifacts/artifacts/{artifact_path:.+}"

FILE_ROUTES: Final[tuple[ArtifactRoute[Destination], ...]] = (
    ArtifactRoute("GET", V2, FOLDER, list_folder, Permission.READ, READ_LIMITS),
    ArtifactRoute("GET", V2, FILE, get_file, Permission.READ, TRANSFER_LIMITS),
    ArtifactRoute("PUT", V2, FILE, put_file, Permission.EDIT, TRANSFER_LIMITS),
    ArtifactRoute("DELETE", V2, FILE, delete, Permission.EDIT, DELETE_LIMITS),
)
