"""Multipart uploads over HTTP. Where the store cannot sign requests, this server receives the parts itself."""

from itertools import pairwise
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from aiohttp import hdrs, web

from artifact_proxy.artifact_path import ArtifactPath, file_path, folder_path
from artifact_proxy.client_names import stored_path
from artifact_proxy.http.artifact_route import TRANSFER_LIMITS, ArtifactRoute
from artifact_proxy.http.listing import json_response
from artifact_proxy.http.messages import MAX_PARTS, AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload
from artifact_proxy.http.request_paths import check_query, own_url, path_of, required
from artifact_proxy.http.transfer import received
from artifact_proxy.service import Destination
from artifact_proxy.stores.blob_store import SignedRequest
from schemas.errors import InvalidParameterValue
from schemas.rest.access import allow
from schemas.rest.decode import read_message
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import MIB, READ_LIMITS, V2, Limits, Permission
from schemas.rest.rules import EDIT_ARTIFACT

PART_EXPIRY_S: Final = 24 * 3600
"""How long a signed part may wait for its turn, behind all the others of a large file."""

COMPLETE_LIMITS: Final = Limits(body_bytes=16 * MIB, timeout_s=3600.0)
"""Ten thousand parts are named with their URLs of several hundred bytes; the store then puts the parts together."""


async def create_upload(destination: Destination, request: web.Request) -> web.StreamResponse:
    message = await read_message(request, CreateMultipartUpload)
    path = await path_of_upload(request, message.path)
    if not 0 <= message.num_parts <= MAX_PARTS:
        raise InvalidParameterValue(f"An upload has at most {MAX_PARTS} parts, not {message.num_parts}.")
    upload_id = await destination.store.multipart.create(path)
    credentials = [
        {"url": part.url, "part_number": number, "headers": part.headers}
        for number in range(1, message.num_parts + 1)
        for part in [await part_request(destination, request, path, upload_id, number)]
    ]
    return json_response(orjson.dumps({"upload_id": upload_id, "credentials": credentials}))


async def part_request(
    destination: Destination, request: web.Request, path: ArtifactPath, upload_id: str, number: int
) -> SignedRequest:
    """The request by which a client sends a part: to the store, or to this server under the upload's secret id."""
    presigner = destination.store.presigner
    if presigner is not None:
        return await presigner.part(path, upload_id, number, PART_EXPIRY_S)
    query = urlencode({"upload_id": upload_id, "part_number": number})
    return SignedRequest(url=f"{own_url(request, f'/mlflow-artifacts/mpu/part/{quote(str(path))}')}?{query}")


async def put_part(destination: Destination, request: web.Request) -> web.StreamResponse:
    """Take a part of an upload whose secret id its sender was given."""
    check_query(request)
    number, size = part_number(request), request.content_length
    if size is None:
        raise InvalidParameterValue("A part must come with its Content-Length.")
    etag = await destination.store.multipart.put_part(
        stored_path(file_path(path_of(request))), required(request, "upload_id"), number, received(request), size
    )
    return web.Response(headers={hdrs.ETAG: f'"{etag}"'})


async def list_parts(destination: Destination, request: web.Request) -> web.StreamResponse:
    check_query(request)
    held = await destination.store.multipart.parts(await path_of_part(request), required(request, "upload_id"))
    parts = [{"part_number": part.number, "etag": part.etag, "size": part.size} for part in held]
    return json_response(orjson.dumps({"parts": parts}))


async def complete_upload(destination: Destination, request: web.Request) -> web.StreamResponse:
    message = await read_message(request, CompleteMultipartUpload)
    parts = [(part.part_number, part.etag or "") for part in message.parts]
    check_parts([number for number, _ in parts])
    place = destination.place(await path_of_upload(request, message.path))
    await destination.changes.complete(
        place, upload_id_of(message.upload_id), parts, request[ACTOR], request[REQUEST_ID]
    )
    return json_response(b"{}")


async def abort_upload(destination: Destination, request: web.Request) -> web.StreamResponse:
    message = await read_message(request, AbortMultipartUpload)
    path = await path_of_upload(request, message.path)
    await destination.store.multipart.abort(path, upload_id_of(message.upload_id))
    return json_response(b"{}")


async def path_of_upload(request: web.Request, local_path: str) -> ArtifactPath:
    """The folder in the URL, and in it the name of the file that its uploader keeps at `local_path`.

    Raises InvalidParameterValue, and as `schemas.rest.access.allow`.
    """
    name = local_path.replace("\\", "/").rpartition("/")[2]
    return await allowed(request, folder_path(path_of(request)).joined(file_path(name)))


async def path_of_part(request: web.Request) -> ArtifactPath:
    """The file in the URL. Raises InvalidParameterValue, and as `schemas.rest.access.allow`."""
    return await allowed(request, file_path(path_of(request)))


async def allowed(request: web.Request, path: ArtifactPath) -> ArtifactPath:
    stored = stored_path(path)
    await allow(request, str(stored))
    return stored


def upload_id_of(text: str) -> str:
    """Raises InvalidParameterValue when there is none."""
    if not text:
        raise InvalidParameterValue("Missing value for required parameter 'upload_id'.")
    return text


def part_number(request: web.Request) -> int:
    """The number of the part that a query names.

    Raises InvalidParameterValue.
    """
    text = required(request, "part_number")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    check_parts([number])
    return number


def check_parts(numbers: list[int]) -> None:
    """Raises InvalidParameterValue unless there are parts, numbered upwards within the bounds."""
    if not numbers:
        raise InvalidParameterValue("Missing value for required parameter 'parts'.")
    if numbers[0] < 1 or numbers[-1] > MAX_PARTS or any(b <= a for a, b in pairwise(numbers)):
        raise InvalidParameterValue(f"Parts are numbered upwards, from 1 to at most {MAX_PARTS}.")


MULTIPART_ROUTES: Final[tuple[ArtifactRoute[Destination], ...]] = (
    ArtifactRoute(
        "POST", V2, "/mlflow-artifacts/mpu/create/{artifact_path:.+}", create_upload, EDIT_ARTIFACT, READ_LIMITS
    ),
    ArtifactRoute(
        "PUT", V2, "/mlflow-artifacts/mpu/part/{artifact_path:.+}", put_part, Permission.SECRET, TRANSFER_LIMITS
    ),
    ArtifactRoute("GET", V2, "/mlflow-artifacts/mpu/parts/{artifact_path:.+}", list_parts, EDIT_ARTIFACT, READ_LIMITS),
    ArtifactRoute(
        "POST",
        V2,
        "/mlflow-artifacts/mpu/complete/{artifact_path:.+}",
        complete_upload,
        EDIT_ARTIFACT,
        COMPLETE_LIMITS,
    ),
    ArtifactRoute(
        "POST", V2, "/mlflow-artifacts/mpu/abort/{artifact_path:.+}", abort_upload, EDIT_ARTIFACT, READ_LIMITS
    ),
)
