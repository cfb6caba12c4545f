"""Requests that clients may send to a store without this server, where the store can sign them."""

from typing import Final
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import web

from artifact_proxy.artifact_path import file_path
from artifact_proxy.artifact_roots import Place
from artifact_proxy.http.artifact_route import ArtifactRoute
from artifact_proxy.http.listing import json_response
from artifact_proxy.http.messages import CreatePresignedDownloadUrl, CreatePresignedUploadUrl
from artifact_proxy.http.request_paths import name_of, own_url
from artifact_proxy.service import ArtifactProxy, Destination
from artifact_proxy.stores.blob_store import Presigner, SignedRequest
from schemas.artifact_uris import PROXIED_SCHEMES
from schemas.errors import InvalidParameterValue, NotImplementedYet
from schemas.levels import Level
from schemas.rest.access import LOGGED_MODEL, RUN, On, Rule, allow
from schemas.rest.decode import read_message
from schemas.rest.request_keys import PRINCIPAL
from schemas.rest.route import READ_LIMITS, V2
from schemas.rest.rules import READ_ARTIFACT, READ_ITS_RUN

UPLOAD_EXPIRY_S: Final = 900
DOWNLOAD_EXPIRY_S: Final = 300
LONGEST_EXPIRY_S: Final = 604_800
"""Seven days, which is the most that stores take. Source of all three: MLflow."""


async def presign_download_from_destination(destination: Destination, request: web.Request) -> web.StreamResponse:
    """Where to get an artifact in ranges: from the store, or from this server when the store cannot sign.

    Raises NotImplementedYet, after which clients get the artifact whole, where this server lets in users alone: to a
    signed URL they send no credentials.
    """
    asked = file_path(name_of(request))
    await allow(request, str(asked))
    place = await destination.lookup.existing(destination.place(asked))
    path = place.path
    size = (await destination.store.stat(path)).size
    presigner = destination.store.presigner
    if presigner is None and PRINCIPAL in request:
        raise NotImplementedYet("The store of these artifacts signs no URLs; get the artifact itself.")
    if presigner is None:
        signed = SignedRequest(url=own_url(request, f"/mlflow-artifacts/artifacts/{quote(str(path))}"))
    else:
        signed = await presigner.download(path, DOWNLOAD_EXPIRY_S)
    return json_response(orjson.dumps({"url": signed.url, "headers": signed.headers, "file_size": size}))


async def presign_upload(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    message = await read_message(request, CreatePresignedUploadUrl)
    if bool(message.run_id) == bool(message.model_id):
        raise InvalidParameterValue("Name a run_id or a model_id, and not both.")
    expires_s = expiry(message.expiration, UPLOAD_EXPIRY_S)
    file_path(message.path)
    root_of = proxy.root_of_run if message.run_id else proxy.root_of_model
    place = directly_reached(proxy, await root_of(message.run_id or message.model_id), message.path)
    return answer(await presigner_of(place).upload(place.path, expires_s))


async def presign_download(proxy: ArtifactProxy, request: web.Request) -> web.StreamResponse:
    message = await read_message(request, CreatePresignedDownloadUrl)
    expires_s = expiry(message.expiration, DOWNLOAD_EXPIRY_S)
    file_path(message.path)
    place = directly_reached(proxy, await proxy.root_of_run(message.run_id), message.path)
    presigner = presigner_of(place)
    size = (await place.store.stat(place.path)).size
    return answer(await presigner.download(place.path, expires_s), file_size=size)


def directly_reached(proxy: ArtifactProxy, root_uri: str, path: str) -> Place:
    """Where an artifact lies in a store of the client's own reach.

    Raises InvalidParameterValue.
    """
    scheme = urlsplit(root_uri).scheme
    if scheme in PROXIED_SCHEMES:
        raise InvalidParameterValue(
            f"There are no presigned URLs for artifacts behind a proxy (their root is of scheme {scheme})."
        )
    return proxy.file(root_uri, path)


def presigner_of(place: Place) -> Presigner:
    """Raises NotImplementedYet when the store has none."""
    presigner = place.store.presigner
    if presigner is None:
        raise NotImplementedYet("The store of these artifacts has no presigned URLs.")
    return presigner


def expiry(seconds: int | None, otherwise: int) -> int:
    """Raises InvalidParameterValue for what no store would take."""
    if seconds is None:
        return otherwise
    if not 1 <= seconds <= LONGEST_EXPIRY_S:
        raise InvalidParameterValue(f"expiration must be between 1 and {LONGEST_EXPIRY_S} seconds, not {seconds}.")
    return seconds


def answer(signed: SignedRequest, **fields: int) -> web.Response:
    return json_response(orjson.dumps({"presigned_url": signed.url, "headers": signed.headers, **fields}))


PRESIGNED_DOWNLOAD: Final[ArtifactRoute[Destination]] = ArtifactRoute(
    "GET",
    V2,
    "/mlflow-artifacts/presigned/{artifact_path:.+}",
    presign_download_from_destination,
    READ_ARTIFACT,
    READ_LIMITS,
)

FOR_UPLOADS: Final = "/mlflow/artifacts/presigned-upload-url"
FOR_DOWNLOADS: Final = "/mlflow/artifacts/presigned-download-url"

_UPLOAD: Final[Rule] = (
    On(Level.EDIT, RUN, "run_id", optional=True),
    On(Level.EDIT, LOGGED_MODEL, "model_id", optional=True),
)
"""Which one it is, the handler finds out: it takes exactly one of them."""

PRESIGNED_ROUTES: Final[tuple[ArtifactRoute[ArtifactProxy], ...]] = (
    ArtifactRoute("POST", V2, FOR_UPLOADS, presign_upload, _UPLOAD, READ_LIMITS),
    ArtifactRoute("POST", V2, FOR_DOWNLOADS, presign_download, READ_ITS_RUN, READ_LIMITS),
)
