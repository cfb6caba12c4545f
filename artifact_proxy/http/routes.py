"""The artifact routes: what each request means, in a few lines."""

from typing import Final

from aiohttp import web

from artifact_proxy.artifact_path import file_path, folder_path
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.http.client_names import kept
from artifact_proxy.http.listing import json_response, listing
from artifact_proxy.http.multipart_routes import MULTIPART_ROUTES
from artifact_proxy.http.presigned_routes import PRESIGNED_DOWNLOAD, presigned_routes
from artifact_proxy.http.proxy_route import DELETE_LIMITS, TRANSFER_LIMITS, Destination, ProxyRoute
from artifact_proxy.http.request_paths import check_query, name_of, path_of, required
from artifact_proxy.http.transfer import download, received
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.blob_store import BlobNotFound, BlobStore
from schemas.errors import InvalidParameterValue
from schemas.messages.artifacts import ListArtifacts
from schemas.rest.decode import read_message
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import MIB, NO_PREFIX, READ_LIMITS, V2, V2_AJAX_ONLY, Handler, Kind, Limits, Permission, Route

PAGE_UPLOAD_BYTES: Final = 10 * MIB
"""What the page may upload to a run at once. Source: MLflow's limit."""

PAGE_UPLOAD_LIMITS: Final = Limits(body_bytes=None, timeout_s=600.0)


def artifact_routes(proxy: ArtifactProxy) -> tuple[Route, ...]:
    """Every artifact route."""
    return (*proxy_routes(proxy.destination, proxy.changes), *tracking_routes(proxy), *presigned_routes(proxy))


def proxy_routes(store: BlobStore | None, changes: ArtifactChanges) -> tuple[Route, ...]:
    """The routes by which clients reach artifacts through this server. Without a store they say that it serves none."""
    destination = None if store is None else Destination(store, changes)
    return tuple(route.to(destination) for route in (*FILE_ROUTES, *MULTIPART_ROUTES, PRESIGNED_DOWNLOAD))


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
    place = destination.place(kept(file_path(name_of(request))))
    await destination.changes.put(place, received(request), request.content_length, request[ACTOR], request[REQUEST_ID])
    return web.Response()


async def delete(destination: Destination, request: web.Request) -> web.StreamResponse:
    place = await destination.lookup.existing(destination.place(folder_path(name_of(request))))
    await destination.changes.delete(place, request[ACTOR], request[REQUEST_ID])
    return json_response(b"{}")


FILE_ROUTES: Final = (
    ProxyRoute("GET", "/artifacts", list_folder, Permission.READ, READ_LIMITS),
    ProxyRoute("GET", "/artifacts/{artifact_path:.+}", get_file, Permission.READ, TRANSFER_LIMITS),
    ProxyRoute("PUT", "/artifacts/{artifact_path:.+}", put_file, Permission.EDIT, TRANSFER_LIMITS),
    ProxyRoute("DELETE", "/artifacts/{artifact_path:.+}", delete, Permission.EDIT, DELETE_LIMITS),
)


def tracking_routes(proxy: ArtifactProxy) -> tuple[Route, ...]:
    """The routes to artifacts by run and by logged model."""

    def route(path: str, prefixes: tuple[str, ...], handler: Handler, limits: Limits) -> Route:
        return Route(
            method="GET",
            path=path,
            prefixes=prefixes,
            handler=handler,
            # Listings too: only the role that passes artifacts has the stores.
            kind=Kind.ARTIFACT,
            permission=Permission.READ,
            limits=limits,
        )

    async def list_run(request: web.Request) -> web.StreamResponse:
        check_query(request)
        message = await read_message(request, ListArtifacts)
        root_uri = await proxy.root_of_run(message.run)
        place, below = proxy.folder(root_uri, message.path)
        return await listing(request, place, proxy.lookup, below, root_uri)

    async def get_of_run(request: web.Request) -> web.StreamResponse:
        check_query(request)
        path = required(request, "path")
        run_id = request.query.get("run_id") or required(request, "run_uuid", named="run_id")
        return await download(request, proxy.file(await proxy.root_of_run(run_id), path), proxy.lookup)

    async def put_of_run(request: web.Request) -> web.StreamResponse:
        check_query(request)
        run_id = request.query.get("run_id") or required(request, "run_uuid", named="run_id")
        path = required(request, "path")
        file_path(path)
        if not request.content_length:
            raise InvalidParameterValue("The request must have a body, and its Content-Length.")
        if request.content_length > PAGE_UPLOAD_BYTES:
            raise InvalidParameterValue(f"At most {PAGE_UPLOAD_BYTES} bytes can be uploaded here.")
        place = proxy.new_file(await proxy.root_of_run(run_id), path)
        await proxy.changes.put(place, received(request), request.content_length, request[ACTOR], request[REQUEST_ID])
        return web.Response()

    async def list_model(request: web.Request) -> web.StreamResponse:
        check_query(request)
        root_uri = await proxy.root_of_model(request.match_info["model_id"])
        place, below = proxy.folder(root_uri, request.query.get("artifact_directory_path", ""))
        return await listing(request, place, proxy.lookup, below, root_uri)

    async def get_of_model(request: web.Request) -> web.StreamResponse:
        check_query(request)
        path = required(request, "artifact_file_path")
        root_uri = await proxy.root_of_model(request.match_info["model_id"])
        return await download(request, proxy.file(root_uri, path), proxy.lookup)

    of_model = "/mlflow/logged-models/{model_id}/artifacts"
    return (
        route("/mlflow/artifacts/list", V2, list_run, READ_LIMITS),
        route("/get-artifact", NO_PREFIX, get_of_run, TRANSFER_LIMITS),
        route(f"{of_model}/directories", V2, list_model, READ_LIMITS),
        route(f"{of_model}/files", V2_AJAX_ONLY, get_of_model, TRANSFER_LIMITS),
        Route(
            method="POST",
            path="/mlflow/upload-artifact",
            prefixes=V2_AJAX_ONLY,
            handler=put_of_run,
            kind=Kind.ARTIFACT,
            permission=Permission.EDIT,
            limits=PAGE_UPLOAD_LIMITS,
        ),
    )
