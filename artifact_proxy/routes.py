"""The artifact routes: what each request means, in a few lines."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import unquote_plus

from aiohttp import web

from artifact_proxy.artifact_path import ROOT, decoded, file_path, folder_path
from artifact_proxy.artifact_roots import Place
from artifact_proxy.blob_store import BlobStore
from artifact_proxy.service import ArtifactProxy, json_of, listing
from artifact_proxy.transfer import download, received
from schemas.errors import InvalidParameterValue
from schemas.rest.decode import read_message
from schemas.rest.messages import ListArtifacts
from schemas.rest.route import (
    NO_PREFIX,
    READ_LIMITS,
    V2,
    V2_AJAX_ONLY,
    Handler,
    Kind,
    Limits,
    Permission,
    Route,
)

TRANSFER_LIMITS: Final = Limits(body_bytes=None, timeout_s=6 * 3600.0)
"""No bound on bytes but the store's room. In six hours 5 GiB pass 2 Mbit/s; a silent client is cut off far sooner."""

DELETE_LIMITS: Final = Limits(timeout_s=600.0)
"""A folder of a hundred thousand files takes a while to remove."""

StoreHandler = Callable[[BlobStore, web.Request], Awaitable[web.StreamResponse]]


def artifact_routes(proxy: ArtifactProxy) -> tuple[Route, ...]:
    """Every artifact route."""
    return (*proxy_routes(proxy.destination), *tracking_routes(proxy))


def proxy_routes(store: BlobStore | None) -> tuple[Route, ...]:
    """The routes by which clients reach artifacts through this server. Without a store they say that it serves none."""

    def route(method: str, path: str, handler: StoreHandler, permission: Permission, limits: Limits) -> Route:
        answer: Handler = not_serving if store is None else partial(handler, store)
        return Route(
            method=method,
            path=f"/mlflow-artifacts/artifacts{path}",
            prefixes=V2,
            handler=answer,
            kind=Kind.ARTIFACT,
            permission=permission,
            limits=limits,
        )

    any_path = "/{artifact_path:.+}"
    return (
        route("GET", "", list_folder, Permission.READ, READ_LIMITS),
        route("GET", any_path, get_file, Permission.READ, TRANSFER_LIMITS),
        route("PUT", any_path, put_file, Permission.EDIT, TRANSFER_LIMITS),
        route("DELETE", any_path, delete, Permission.EDIT, DELETE_LIMITS),
    )


def tracking_routes(proxy: ArtifactProxy) -> tuple[Route, ...]:
    """The routes to artifacts by run and by logged model. All of them ask the store, so all are of its kind."""

    def route(path: str, prefixes: tuple[str, ...], handler: Handler, limits: Limits) -> Route:
        return Route(
            method="GET",
            path=path,
            prefixes=prefixes,
            handler=handler,
            kind=Kind.ARTIFACT,
            permission=Permission.READ,
            limits=limits,
        )

    async def list_run(request: web.Request) -> web.StreamResponse:
        check_query(request)
        message = await read_message(request, ListArtifacts)
        return json_response(await proxy.listing_of_run(message.run, message.path))

    async def get_of_run(request: web.Request) -> web.StreamResponse:
        check_query(request)
        path = required(request, "path")
        run_id = request.query.get("run_id") or required(request, "run_uuid", named="run_id")
        return await download(request, *await proxy.file_of_run(run_id, path))

    async def list_model(request: web.Request) -> web.StreamResponse:
        check_query(request)
        path = request.query.get("artifact_directory_path", "")
        return json_response(await proxy.listing_of_model(request.match_info["model_id"], path))

    async def get_of_model(request: web.Request) -> web.StreamResponse:
        check_query(request)
        path = required(request, "artifact_file_path")
        return await download(request, *await proxy.file_of_model(request.match_info["model_id"], path))

    of_model = "/mlflow/logged-models/{model_id}/artifacts"
    return (
        route("/mlflow/artifacts/list", V2, list_run, READ_LIMITS),
        route("/get-artifact", NO_PREFIX, get_of_run, TRANSFER_LIMITS),
        route(f"{of_model}/directories", V2, list_model, READ_LIMITS),
        route(f"{of_model}/files", V2_AJAX_ONLY, get_of_model, TRANSFER_LIMITS),
    )


async def not_serving(request: web.Request) -> web.StreamResponse:
    """What the proxy's routes say on a server that does not serve artifacts: status and plain text, as MLflow does."""
    text = "This server does not serve artifacts (--no-serve-artifacts); clients reach the artifact root themselves.\n"
    return web.Response(status=503, text=text)


async def list_folder(store: BlobStore, request: web.Request) -> web.StreamResponse:
    check_query(request)
    folder = folder_path(request.query.get("path", ""))
    return json_response(json_of(await listing(Place(store, folder), prefix=ROOT)))


async def get_file(store: BlobStore, request: web.Request) -> web.StreamResponse:
    return await download(request, store, file_path(path_of(request)))


async def put_file(store: BlobStore, request: web.Request) -> web.StreamResponse:
    await store.put(file_path(path_of(request)), received(request), request.content_length)
    return web.Response()


async def delete(store: BlobStore, request: web.Request) -> web.StreamResponse:
    await store.delete(folder_path(path_of(request)))
    return json_response(b"{}")


def path_of(request: web.Request) -> str:
    """The artifact path in a URL, decoded once.

    It is cut out of the URL as it came, because what the router matched went through rules of its own for `%2F`, `%25`
    and bytes that are not UTF-8. No variable comes before the path, so the slashes before it are those of the route.
    Raises InvalidParameterValue.
    """
    url = request.rel_url
    resource = request.match_info.route.resource
    assert resource is not None, "a matched route has a resource"
    depth = resource.canonical.count("/")
    if url.raw_fragment:
        raise InvalidParameterValue("Invalid artifact path: it contains '#'.")
    return decoded(url.raw_path.split("/", depth)[depth])


def check_query(request: web.Request) -> None:
    """Refuse a query that is not UTF-8: its bytes would be replaced, and then name another file.

    Raises InvalidParameterValue.
    """
    try:
        unquote_plus(request.rel_url.raw_query_string, errors="strict").encode()
    except UnicodeError as error:
        raise InvalidParameterValue("The query is not UTF-8.") from error


def required(request: web.Request, name: str, named: str | None = None) -> str:
    """A query parameter that must be there.

    Raises InvalidParameterValue.
    """
    value: str = request.query.get(name, "")
    if not value:
        raise InvalidParameterValue(f"Missing value for required parameter '{named or name}'.")
    return value


def json_response(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
