"""The artifacts that a running server passes, MLflow's or ours, as a store: read from the old one, put to the new."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, NoReturn
from urllib.parse import quote

import aiohttp

from artifact_proxy.artifact_path import ROOT, ArtifactPath, fault_of
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    BlobVersion,
    Entry,
    MultipartUploads,
    NotABlob,
    OpenBlob,
    StoreRefused,
    StoreUnavailable,
)
from artifact_proxy.stores.streams import CHUNK_BYTES
from tracklog.moving.rest_client import trusted_by

ROUTE: Final = "/api/2.0/mlflow-artifacts/artifacts"
CONNECT_S: Final = 30.0
SILENCE_S: Final = 120.0
"""How long a server may send nothing: it may fetch a large file first from where it lies."""

_SINCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""No route says when a file was put."""


class ServedBlobStore(BlobStore):
    """What lies behind the artifact proxy of the server at `url`; `headers` say who asks.

    Neither copies in parts nor deletes: what moves in is read from one server, and put to another whole.
    """

    def __init__(self, url: str, headers: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._url = url.rstrip("/")
        self._headers = headers
        self._environment = environment
        self._session: aiohttp.ClientSession | None = None

    @property
    def multipart(self) -> MultipartUploads:
        raise NotImplementedError("whole files only")

    async def start(self, *, sweeps: bool = True) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        connector = aiohttp.TCPConnector(ssl=trusted_by(self._environment) if self._url.startswith("https:") else False)
        # Bytes as they lie there: what a server compresses on the way has another size than it says.
        headers = {**self._headers, "Accept-Encoding": "identity"}
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, headers=headers)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def check_writable(self) -> None:
        """Whether it answers at all: a file to try it with could not be removed again."""
        async for _ in self.entries(ROOT):
            break

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobVersion:
        sent = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal sent
            async for chunk in content:
                sent += len(chunk)
                yield chunk

        headers = {"Content-Type": "application/octet-stream"}
        if size is not None:
            headers["Content-Length"] = str(size)
        async with self._asked("PUT", path, data=counted(), headers=headers):
            return BlobVersion(size=sent, etag="")

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        async with self._asked("GET", path) as answer:
            size = answer.content_length
            if size is None:
                size = (await self.stat(path)).size
            yield _Answer(BlobInfo(size=size, etag=answer.headers.get("ETag", ""), modified=_SINCE), answer)

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        """By the list of its folder: no other route says a size without the bytes."""
        async for entry in self.entries(ArtifactPath(path.segments[:-1])):
            if entry.name == path.name:
                if entry.size is None:
                    raise NotABlob(f"The artifact {path} is a folder.")
                return BlobInfo(size=entry.size, etag="", modified=_SINCE)
        raise BlobNotFound(f"There is no artifact {path}.")

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        token = ""
        while True:
            query = {"path": str(folder)} if folder.segments else {}
            async with self._asked("GET", None, params={**query, **({"page_token": token} if token else {})}) as answer:
                page = await answer.json()
            for one in sorted(page.get("files", ()), key=lambda one: str(one.get("path"))):
                name = str(one.get("path", "")).rpartition("/")[2]
                if name > after and fault_of(name) is None:
                    yield Entry(name, None if one.get("is_dir") else int(one.get("file_size") or 0))
            token = str(page.get("next_page_token") or "")
            if not token:
                return

    async def delete(self, path: ArtifactPath) -> None:
        async with self._asked("DELETE", path):
            return

    @asynccontextmanager
    async def _asked(
        self, method: str, path: ArtifactPath | None, **given: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to one request. Raises the port's errors for those of HTTP."""
        assert self._session is not None, "start comes first"
        url = self._url + ROUTE + ("" if path is None else f"/{quote(str(path))}")
        try:
            async with self._session.request(method, url, allow_redirects=False, **given) as answer:
                if answer.status >= 300:
                    await _refuse(answer, path)
                yield answer
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise StoreUnavailable(f"{self._url} cannot be reached: {error!r:.200}.") from error


class _Answer(OpenBlob):
    """The body of an answer, which is read once and from its beginning."""

    def __init__(self, info: BlobInfo, answer: aiohttp.ClientResponse) -> None:
        self.info = info
        self._answer = answer

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        if start or length != self.info.size:
            raise NotImplementedError("whole files only")
        try:
            async for chunk in self._answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StoreUnavailable(f"The server ended its answer too early: {type(error).__name__}.") from error


async def _refuse(answer: aiohttp.ClientResponse, path: ArtifactPath | None) -> NoReturn:
    said = (await answer.content.read(500)).decode(errors="replace")
    if answer.status == 404:
        raise BlobNotFound(f"There is no artifact {path}.")
    if answer.status >= 500 or answer.status == 429:
        raise StoreUnavailable(f"The server of the artifacts answers {answer.status}: {said}")
    raise StoreRefused(f"The server of the artifacts answers {answer.status}: {said}")
