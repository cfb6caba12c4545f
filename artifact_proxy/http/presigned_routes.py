"""Requests that clients may send to a store without this server, where the store can sign them."""

from typing import Final
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import web

from artifact_proxy.artifact_path import file_path
from artifact_proxy.artifact_roots import Place
from artifact_proxy.http.listing import json_response
from artifact_proxy.http.messages import CreatePresignedDownloadUrl, CreatePresignedUploadUrl
from artifact_proxy.http.proxy_route import Destination, ProxyRoute
from artifact_proxy.http.request_paths import name_of, own_url
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.blob_store import Presigner, SignedRequest
from schemas.errors import InvalidParameterValue, NotImplementedYet
from schemas.rest.decode import read_message
from schemas.rest.route import READ_LIMITS, V2, Kind, Permission, Route

UPLOAD_EXPIRY_S: Final = 900
DOWNLOAD_EXPIRY_S: Final = 300
LONGEST_EXPIRY_S: Final = 604_800
"""Seven days, which is the most that stores take. Source of all three: MLflow."""

PROXIED_SCHEMES: Final = ("http", "https", "mlflow-artifacts")


async def download_from_destination(destination: Destination, request: web.Request) -> web.StreamResponse:
    """Where to get an artifact in ranges: from the store, or from this server when the store cannot sign."""
    place = await destination.lookup.existing(destination.place(file_path(name_of(request))))
    path = place.path
    size = (await destination.store.stat(path)).size
    presigner = destination.store.presigner
    if presigner is None:
        signed = SignedRequest(url=own_url(request, f"/mlflow-artifacts/artifacts/{quote(str(path))}"))
    else:
        signed = await presigner.download(path, DOWNLOAD_EXPIRY_S)
    return json_response(orjson.dumps({"url": signed.url, "headers": signed.headers, "file_size": size}))


PRESIGNED_DOWNLOAD: Final = ProxyRoute(
    "GET", "/presigned/{artifact_path:.+}", download_from_destination, Permission.READ, READ_LIMITS
)


def presigned_routes(proxy: ArtifactProxy) -> tuple[Route, ...]:
    """The routes for runs and models whose artifacts lie in a store that clients reach themselves."""

    async def upload(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, CreatePresignedUploadUrl)
        if bool(message.run_id) == bool(message.model_id):
            raise InvalidParameterValue("Exactly one of run_id and model_id must be given.")
        expires_s = expiry(message.expiration, UPLOAD_EXPIRY_S)
        file_path(message.path)
        root_of = proxy.root_of_run if message.run_id else proxy.root_of_model
        place = directly_reached(proxy, await root_of(message.run_id or message.model_id), message.path)
        return answer(await presigner_of(place).upload(place.path, expires_s))

    async def download(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, CreatePresignedDownloadUrl)
        expires_s = expiry(message.expiration, DOWNLOAD_EXPIRY_S)
        file_path(message.path)
        place = directly_reached(proxy, await proxy.root_of_run(message.run_id), message.path)
        presigner = presigner_of(place)
        size = (await place.store.stat(place.path)).size
        return answer(await presigner.download(place.path, expires_s), file_size=size)

    return tuple(
        Route(
            method="POST",
            path=f"/mlflow/artifacts/{path}",
            prefixes=V2,
            handler=handler,
            kind=Kind.ARTIFACT,
            permission=permission,
            limits=READ_LIMITS,
        )
        for path, handler, permission in (
            ("presigned-upload-url", upload, Permission.EDIT),
            ("presigned-download-url", download, Permission.READ),
        )
    )


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
