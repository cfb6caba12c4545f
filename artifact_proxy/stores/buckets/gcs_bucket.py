"""A bucket of Google Cloud Storage as an ObjectBucket, by its JSON API (cloud.google.com/storage/docs/json_api).

The ETag of a blob is its generation. An upload whose size is known is one request that passes the bytes on as they
come; one of unknown size is sent in chunks from memory. Both are resumable uploads, of which nothing is seen until they
end.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from artifact_proxy.stores.blob_store import BlobInfo, BlobNotFound, BlobVersion, StoreRefused, StoreUnavailable
from artifact_proxy.stores.buckets.gcs_credentials import GcsCredentials
from artifact_proxy.stores.buckets.gcs_settings import GcsSettings
from artifact_proxy.stores.buckets.listing import ListedPage
from artifact_proxy.stores.buckets.object_bucket import ObjectBucket
from artifact_proxy.stores.library_errors import ANSWERED_AWAY, ANSWERED_DENIED, HTTP_ERRORS, mapped
from artifact_proxy.stores.streams import SizedChunks, TimedUpload
from schemas.rest.route import KIB, MIB

CONNECT_TIMEOUT_S: Final = 3.0
CALL_TIMEOUT_S: Final = 30.0
"""How long a call with a small answer may take, its attempts together."""

ATTEMPTS: Final = 3
RETRY_PAUSE_S: Final = 0.3
RETRIED: Final = (408, 429, 500, 502, 503, 504)

CHUNK_BYTES: Final = 2 * MIB
"""A chunk of an upload of unknown size, which has to be in memory; the store wants multiples of 256 KiB."""

READ_BYTES: Final = 256 * KIB
CONNECTIONS: Final = 128
PAGE_NAMES: Final = 1000
DELETED_AT_ONCE: Final = 32


STORE_ERRORS: Final = {401: ANSWERED_DENIED, 403: ANSWERED_DENIED, 404: ANSWERED_DENIED}
"""By the status of an answer; any other is StoreUnavailable. What is missing where no object is meant is the bucket."""


class GcsBucket(ObjectBucket):
    """The bucket of `settings`."""

    def __init__(self, settings: GcsSettings, page_names: int = PAGE_NAMES) -> None:
        self._settings = settings
        self._page_names = page_names
        bucket = quote(settings.bucket, safe="")
        self._objects = f"{settings.endpoint_url}/storage/v1/b/{bucket}/o"
        self._uploads = f"{settings.endpoint_url}/upload/storage/v1/b/{bucket}/o"
        self._credentials = None if settings.is_emulator else GcsCredentials()
        self._opened: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._opened = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=CALL_TIMEOUT_S),
            trust_env=True,
        )

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def put(self, key: str, content: bytes, content_type: str) -> BlobVersion:
        answer = await self._call(
            "POST",
            self._uploads,
            params={"uploadType": "media", "name": key},
            headers={"Content-Type": content_type},
            data=content,
        )
        return version_of(answer)

    async def put_stream(
        self, key: str, content: AsyncIterator[bytes], size: int | None, content_type: str
    ) -> BlobVersion:
        session = await self._upload_session(key, content_type)
        try:
            if size is None:
                return await self._send_chunks(session, SizedChunks(content))
            return await self._stream(session, content, size)
        except BaseException:
            await asyncio.shield(self._cancel(session))
            raise

    async def check_writable(self, key: str) -> None:
        """By an upload that is begun and cancelled: it takes the right to make objects, and makes none."""
        await self._cancel(await self._upload_session(key, "application/octet-stream"))

    async def head(self, key: str) -> BlobInfo:
        return info_of(await self._call("GET", self._object(key), params={"fields": "size,generation,updated"}))

    @asynccontextmanager
    async def read(self, key: str, info: BlobInfo, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        headers = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        params = {"alt": "media", "generation": info.etag}
        with mapped(HTTP_ERRORS):
            answer = await self._session.get(
                self._object(key), params=params, headers={**headers, **await self._authorization()}
            )
        async with answer:
            if answer.status == 404:
                raise StoreUnavailable("The artifact was replaced or deleted while it was read.")
            if answer.status not in (200, 206) or (answer.status == 200 and length < info.size):
                raise unexpected(answer.status)
            yield chunks_of(answer)

    async def pages(self, prefix: str, after: str) -> AsyncIterator[ListedPage]:
        wanted = {"delimiter": "/", "fields": "items(name,size),prefixes,nextPageToken"}
        if after:
            wanted["startOffset"] = f"{prefix}{after}"
        async for page in self._listed(prefix, wanted):
            # An object whose key is the prefix itself is what some tools make for an empty folder.
            blobs = [
                (found["name"].removeprefix(prefix), int(found["size"]))
                for found in page.get("items", ())
                if found["name"] != prefix
            ]
            folders = [folder.removeprefix(prefix)[:-1] for folder in page.get("prefixes", ())]
            yield ListedPage(blobs, folders, is_last="nextPageToken" not in page)

    async def keys(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        async for page in self._listed(prefix, {"fields": "items(name),nextPageToken"}):
            yield [found["name"] for found in page.get("items", ())]

    async def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), DELETED_AT_ONCE):
            await asyncio.gather(*map(self._delete_one, keys[start : start + DELETED_AT_ONCE]))

    async def _delete_one(self, key: str) -> None:
        try:
            await self._call("DELETE", self._object(key))
        except BlobNotFound:
            return

    async def _listed(self, prefix: str, wanted: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        params = {"prefix": prefix, "maxResults": str(self._page_names), **wanted}
        while True:
            try:
                page = await self._call("GET", self._objects, params=params)
            except BlobNotFound as error:
                raise StoreRefused("The bucket of the artifact store does not exist.") from error
            yield page
            if "nextPageToken" not in page:
                return
            params["pageToken"] = page["nextPageToken"]

    async def _upload_session(self, key: str, content_type: str) -> str:
        with mapped(HTTP_ERRORS):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                answer = await self._session.post(
                    self._uploads,
                    params={"uploadType": "resumable", "name": key},
                    headers={"X-Upload-Content-Type": content_type, **await self._authorization()},
                )
        async with answer:
            if answer.status not in (200, 201):
                raise unexpected(answer.status)
            return answer.headers["Location"]

    async def _send_chunks(self, session: str, chunks: SizedChunks) -> BlobVersion:
        sent = 0
        chunk = await chunks.read(CHUNK_BYTES)
        while True:
            following = await chunks.read(CHUNK_BYTES)
            total = "*" if following else str(sent + len(chunk))
            headers = {"Content-Range": f"bytes {sent}-{sent + len(chunk) - 1}/{total}"}
            answer = await self._send(session, BytesIO(chunk), headers)
            if not following:
                return version_of(answer)
            sent += len(chunk)
            chunk = following

    async def _stream(self, session: str, content: AsyncIterator[bytes], size: int) -> BlobVersion:
        passing = TimedUpload(content)
        async with passing.sending(mapped(HTTP_ERRORS)):
            return version_of(await self._send(session, passing, {"Content-Length": str(size)}))

    async def _send(self, session: str, data: Any, headers: Mapping[str, str]) -> dict[str, Any]:
        """The store's answer to a part of an upload; empty while more is to come."""
        with mapped(HTTP_ERRORS):
            answer = await self._session.put(
                session, data=data, headers={**headers, **await self._authorization()}, allow_redirects=False
            )
        async with answer:
            if answer.status == 308:
                return {}
            if answer.status not in (200, 201):
                raise unexpected(answer.status)
            return await json_of(answer)

    async def _cancel(self, session: str) -> None:
        """Cancel an upload. The store would do so by itself, after a week."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                async with self._session.delete(session, headers=await self._authorization()):
                    return
        except (aiohttp.ClientError, OSError, StoreUnavailable):
            return

    async def _call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """The answer to a call that may be sent again.

        Raises BlobNotFound for 404, StoreUnavailable.
        """
        headers = request.pop("headers", {})
        with mapped(HTTP_ERRORS):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                for attempt in range(1, ATTEMPTS + 1):
                    authorized = {**headers, **await self._authorization()}
                    async with self._session.request(method, url, headers=authorized, **request) as answer:
                        if answer.status in RETRIED and attempt < ATTEMPTS:
                            await asyncio.sleep(RETRY_PAUSE_S * attempt)
                            continue
                        if answer.status == 404:
                            raise BlobNotFound("There is no such artifact.")
                        if answer.status not in (200, 201, 204):
                            raise unexpected(answer.status)
                        return await json_of(answer)
        raise StoreUnavailable("The artifact store did not answer.")

    async def _authorization(self) -> dict[str, str]:
        return {} if self._credentials is None else await self._credentials.headers()

    def _object(self, key: str) -> str:
        return f"{self._objects}/{quote(key, safe='')}"

    @property
    def _session(self) -> aiohttp.ClientSession:
        assert self._opened is not None, "it is used after start and before close"
        return self._opened


async def chunks_of(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The bytes of an answer, as they come."""
    while True:
        with mapped(HTTP_ERRORS):
            chunk = await answer.content.read(READ_BYTES)
        if not chunk:
            return
        yield chunk


async def json_of(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    with mapped(HTTP_ERRORS):
        body = await answer.read()
        found: dict[str, Any] = orjson.loads(body) if body else {}
        return found


def version_of(answer: Mapping[str, Any]) -> BlobVersion:
    return BlobVersion(size=int(answer["size"]), etag=str(answer["generation"]))


def info_of(answer: Mapping[str, Any]) -> BlobInfo:
    return BlobInfo(
        size=int(answer["size"]),
        etag=str(answer["generation"]),
        modified=datetime.fromisoformat(answer["updated"]),
    )


def unexpected(status: int) -> Exception:
    """The error for an answer that is an error; nothing of it but its status is shown."""
    return STORE_ERRORS.get(status, ANSWERED_AWAY).raised(str(status))
