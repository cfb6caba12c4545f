"""The routes to the artifacts of a run, a logged model, or a version of a registered model."""

from typing import Final

from aiohttp import web

from artifact_proxy.artifact_path import file_path
from artifact_proxy.http.artifact_route import TRANSFER_LIMITS, ArtifactRoute
from artifact_proxy.http.listing import listing
from artifact_proxy.http.request_paths import check_query, required
from artifact_proxy.http.transfer import download, received
from artifact_proxy.service import ArtifactProxy
from schemas.errors import InvalidParameterValue
from schemas.levels import Level
from schemas.messages.artifacts import GetModelVersionArtifact, ListArtifacts
from schemas.messages.model_versions import version_of
from schemas.messages.registered_models import check_model_name
from schemas.rest.access import LOGGED_MODEL, RUN, On, Rule, allow
from schemas.rest.decode import read_message
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import MIB, NO_PREFIX, READ_LIMITS, V2, V2_AJAX_ONLY, Limits
from schemas.rest.rules import READ_RUN, READ_VERSION

PAGE_UPLOAD_BYTES: Final = 10 * MIB
"""What the page may upload to a run at once. Source: MLflow's limit."""

PAGE_UPLOAD_LIMITS: Final = Limits(body_bytes=None, timeout_s=600.0)


async def list_of_run(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    check_query(request)
    message = await read_message(request, ListArtifacts)
    root_uri = await proxy.root_of_run(message.run)
    place, below = proxy.folder(root_uri, message.path)
    return await listing(request, place, proxy.lookup, below, root_uri)


async def get_of_run(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    check_query(request)
    path = required(request, "path")
    root_uri = await proxy.root_of_run(await _allowed_run(request))
    return await download(request, proxy.file(root_uri, path), proxy.lookup)


async def put_of_run(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    check_query(request)
    run_id = await _allowed_run(request)
    path = required(request, "path")
    file_path(path)
    if not request.content_length:
        raise InvalidParameterValue("The request must have a body, and its Content-Length.")
    if request.content_length > PAGE_UPLOAD_BYTES:
        raise InvalidParameterValue(f"At most {PAGE_UPLOAD_BYTES} bytes can be uploaded here.")
    place = proxy.new_file(await proxy.root_of_run(run_id), path)
    await proxy.changes.put(place, received(request), request.content_length, request[ACTOR], request[REQUEST_ID])
    return web.Response()


async def list_of_model(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    check_query(request)
    root_uri = await proxy.root_of_model(await _allowed_model(request))
    place, below = proxy.folder(root_uri, request.query.get("artifact_directory_path", ""))
    return await listing(request, place, proxy.lookup, below, root_uri)


async def get_of_model(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    check_query(request)
    path = required(request, "artifact_file_path")
    root_uri = await proxy.root_of_model(await _allowed_model(request))
    return await download(request, proxy.file(root_uri, path), proxy.lookup)


async def get_of_version(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    check_query(request)
    message = await read_message(request, GetModelVersionArtifact)
    check_model_name(message.name)
    root_uri = await proxy.root_of_version(message.name, version_of(message.version))
    return await download(request, proxy.file(root_uri, message.path), proxy.lookup)


def run_id_of(request: web.Request) -> str:
    """The run that a query names, by one of the two names that clients have for it.

    Raises InvalidParameterValue.
    """
    return request.query.get("run_id") or required(request, "run_uuid", named="run_id")


async def _allowed_run(request: web.Request) -> str:
    run_id = run_id_of(request)
    await allow(request, run_id)
    return run_id


async def _allowed_model(request: web.Request) -> str:
    model_id = request.match_info["model_id"]
    await allow(request, model_id)
    return model_id


_READ_RUN: Final[Rule] = (On(Level.READ, RUN, None),)
_EDIT_RUN: Final[Rule] = (On(Level.EDIT, RUN, None),)
_READ_MODEL: Final[Rule] = (On(Level.READ, LOGGED_MODEL, None),)

OF_MODEL: Final = "/mlflow/logged-models/{model_id}/artifacts"

TRACKING_ROUTES: Final[tuple[ArtifactRoute[ArtifactProxy], ...]] = (
    ArtifactRoute("GET", V2, "/mlflow/artifacts/list", list_of_run, READ_RUN, READ_LIMITS),
    ArtifactRoute("GET", NO_PREFIX, "/get-artifact", get_of_run, _READ_RUN, TRANSFER_LIMITS),
    ArtifactRoute("GET", V2, f"{OF_MODEL}/directories", list_of_model, _READ_MODEL, READ_LIMITS),
    ArtifactRoute("GET", V2_AJAX_ONLY, f"{OF_MODEL}/files", get_of_model, _READ_MODEL, TRANSFER_LIMITS),
    ArtifactRoute("GET", NO_PREFIX, "/model-versions/get-artifact", get_of_version, READ_VERSION, TRANSFER_LIMITS),
    ArtifactRoute("POST", V2_AJAX_ONLY, "/mlflow/upload-artifact", put_of_run, _EDIT_RUN, PAGE_UPLOAD_LIMITS),
)
