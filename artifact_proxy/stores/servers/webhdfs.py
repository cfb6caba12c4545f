"""A folder of an HDFS as a FileTree, through WebHDFS (hadoop.apache.org, "WebHDFS REST API").

- A file is known by its id, which HDFS gives once, and by its time: every version of a blob has an ETag of its own.
- Replacing a file is one step. Names cannot hold a colon: HDFS refuses them.
- The cluster decides what the user that this server is may do. With Kerberos it needs a delegation token.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import orjson
from yarl import URL

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.library_errors import (
    ANSWERED_AWAY,
    ANSWERED_DENIED,
    FULL,
    HTTP_ERRORS,
    Meaning,
    mapped,
)
from artifact_proxy.stores.servers.file_tree import FileTree, Found, Kind, Names, NoSuchPath, OpenFile, ServerRefused
from artifact_proxy.stores.servers.webhdfs_settings import WebhdfsSettings
from artifact_proxy.stores.streams import CHUNK_BYTES, TimedUpload
from schemas.errors import InvalidParameterValue

CONNECT_TIMEOUT_S: Final = 3.0
CALL_TIMEOUT_S: Final = 30.0
CONNECTIONS: Final = 128

KINDS: Final = {"FILE": Kind.FILE, "DIRECTORY": Kind.FOLDER}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

REFUSED: Final = Meaning(ServerRefused, "{}")
UNNAMEABLE: Final = Meaning(InvalidParameterValue, "HDFS cannot keep an artifact under this name.")

STORE_ERRORS: Final[Mapping[str, Meaning]] = {
    "FileNotFoundException": Meaning(NoSuchPath),
    "DSQuotaExceededException": FULL,
    "NSQuotaExceededException": FULL,
    "QuotaExceededException": FULL,
    "InvalidPathException": UNNAMEABLE,
    "PathComponentTooLongException": UNNAMEABLE,
    "FSLimitException": UNNAMEABLE,
    "AccessControlException": ANSWERED_DENIED,
    "SecurityException": ANSWERED_DENIED,
    "AuthorizationException": ANSWERED_DENIED,
    "InvalidToken": ANSWERED_DENIED,
    "StandbyException": ANSWERED_AWAY,
    "ObserverRetryOnActiveException": ANSWERED_AWAY,
    "RetriableException": ANSWERED_AWAY,
    "SafeModeException": ANSWERED_AWAY,
}
"""By the name of the exception in an answer."""

STATUS_ERRORS: Final[Mapping[int, Meaning]] = {
    401: ANSWERED_DENIED,
    502: ANSWERED_AWAY,
    503: ANSWERED_AWAY,
    504: ANSWERED_AWAY,
}
"""By the status of an answer without such an exception; any other is ServerRefused."""


class WebhdfsFileTree(FileTree):
    """The folder that `settings` name."""

    def __init__(self, settings: WebhdfsSettings) -> None:
        self._settings = settings
        self._active = settings.addresses[0]
        self._opened: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._opened = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=CALL_TIMEOUT_S),
            # A cookie of one name node is nothing to another, and every request says who it is from.
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def look(self, path: Names) -> Found | None:
        try:
            answer = await self._call("GET", path, "GETFILESTATUS")
        except NoSuchPath:
            return None
        return found_of(answer["FileStatus"])

    async def list(self, folder: Names) -> AsyncIterator[tuple[str, Found]]:
        after: dict[str, str] = {}
        while True:
            answer = await self._call("GET", folder, "LISTSTATUS_BATCH", **after)
            listing = answer["DirectoryListing"]
            statuses = listing["partialListing"]["FileStatuses"]["FileStatus"]
            for status in statuses:
                # To list a file, HDFS answers the file itself, without a name.
                if status["pathSuffix"]:
                    yield status["pathSuffix"], found_of(status)
            if not listing["remainingEntries"]:
                return
            after = {"startAfter": statuses[-1]["pathSuffix"]}

    async def make_root(self) -> None:
        await self.make_folder(())

    async def make_folder(self, path: Names) -> None:
        await self._expect_true("PUT", path, "MKDIRS")

    async def write(self, path: Names, content: AsyncIterator[bytes]) -> None:
        target = await self._redirected("PUT", path, "CREATE", overwrite="false")
        passing = TimedUpload(content)
        async with (
            passing.sending(mapped(HTTP_ERRORS)),
            self._session.put(URL(target, encoded=True), data=passing) as answer,
        ):
            await check(answer)

    @asynccontextmanager
    async def open(self, path: Names) -> AsyncIterator[OpenFile]:
        found = await self.look(path)
        if found is None or found.kind is not Kind.FILE:
            raise NoSuchPath if found is None else ServerRefused
        yield _HdfsFile(self, path, found)

    async def replace(self, source: Names, target: Names) -> None:
        await self._call("PUT", source, "RENAME", destination=self._at(target), renameoptions="OVERWRITE")

    async def move(self, source: Names, target: Names) -> None:
        await self._call("PUT", source, "RENAME", destination=self._at(target), renameoptions="NONE")

    async def remove_file(self, path: Names) -> None:
        await self._expect_true("DELETE", path, "DELETE", recursive="false")

    async def remove_folder(self, path: Names) -> None:
        await self._expect_true("DELETE", path, "DELETE", recursive="false")

    async def read_part(self, path: Names, found: Found, start: int, length: int) -> AsyncIterator[bytes]:
        """Bytes of the version `found`. Raises StoreUnavailable when the file is another by now."""
        try:
            source = await self._redirected("GET", path, "OPEN", offset=str(start), length=str(length))
            with mapped(HTTP_ERRORS):
                answer = await self._session.get(URL(source, encoded=True))
            async with answer:
                await check(answer)
                # The bytes are those of a file that was there in between: the same, when it is there before and after.
                if await self.look(path) != found:
                    raise NoSuchPath
                while chunk := await chunk_of(answer):
                    yield chunk
        except NoSuchPath as error:
            raise StoreUnavailable("The artifact was replaced or deleted while it was read.") from error

    def _at(self, path: Names) -> str:
        return "/" + "/".join((*self._settings.folder.segments, *path))

    async def _expect_true(self, method: str, path: Names, operation: str, **params: str) -> None:
        answer = await self._call(method, path, operation, **params)
        if not answer.get("boolean"):
            raise NoSuchPath if await self.look(path) is None else ServerRefused

    async def _call(self, method: str, path: Names, operation: str, **params: str) -> dict[str, Any]:
        """The name node's answer. Raises NoSuchPath, ServerRefused."""
        async with self._asked(method, path, operation, params) as answer:
            body = await answer.read()
        with mapped(HTTP_ERRORS):
            found: dict[str, Any] = orjson.loads(body) if body else {}
        return found

    async def _redirected(self, method: str, path: Names, operation: str, **params: str) -> str:
        """Where the name node sends us for the bytes, or to send them."""
        async with self._asked(method, path, operation, params) as answer:
            location = answer.headers.get("Location")
        if location is None:
            raise StoreUnavailable("The artifact store did not say where the bytes are.")
        # Java's URIs normalize Unicode, so the path in it may differ from the one we sent.
        address, _, query = location.partition("?")
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}/webhdfs/v1{quote(self._at(path))}?{query}"

    @asynccontextmanager
    async def _asked(
        self, method: str, path: Names, operation: str, params: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of the active name node; the others are tried when it is not, or away."""
        identity = {"delegation": self._settings.token} if self._settings.token else {"user.name": self._settings.user}
        query = urlencode({"op": operation, **params, **identity}, quote_via=quote)
        others = [each for each in self._settings.addresses if each != self._active]
        for address in (self._active, *others):
            url = URL(f"{address}/webhdfs/v1{quote(self._at(path))}?{query}", encoded=True)
            try:
                with mapped(HTTP_ERRORS):
                    async with asyncio.timeout(CALL_TIMEOUT_S):
                        answer = await self._session.request(method, url, allow_redirects=False)
                        await check(answer)
            except StoreUnavailable:
                if address == (self._active, *others)[-1]:
                    raise
                continue
            async with answer:
                self._active = address
                yield answer
            return

    @property
    def _session(self) -> aiohttp.ClientSession:
        assert self._opened is not None, "it is used after start and before close"
        return self._opened


class _HdfsFile(OpenFile):
    """A path and the version that was found there."""

    def __init__(self, tree: WebhdfsFileTree, path: Names, found: Found) -> None:
        self._tree = tree
        self._path = path
        self.found = found

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        async for chunk in self._tree.read_part(self._path, self.found, start, length):
            yield chunk


def found_of(status: dict[str, Any]) -> Found:
    modified_ms: int = status["modificationTime"]
    return Found(
        kind=KINDS.get(status["type"], Kind.OTHER),
        size=status["length"],
        modified=EPOCH + timedelta(milliseconds=modified_ms),
        identity=f"{status['fileId']:x}-{modified_ms:x}",
    )


async def check(answer: aiohttp.ClientResponse) -> None:
    """Raise what an answer that is an error means; the cluster's own text is not shown."""
    if answer.status < 400:
        return
    async with answer:
        with mapped(HTTP_ERRORS):
            body = await answer.read()
    exception = exception_in(body)
    meaning = STORE_ERRORS.get(exception) or STATUS_ERRORS.get(answer.status) or REFUSED
    raise meaning.raised(exception or str(answer.status))


def exception_in(body: bytes) -> str:
    """The name of the exception in an answer; empty when there is none."""
    try:
        name: str = orjson.loads(body)["RemoteException"]["exception"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return name


async def chunk_of(answer: aiohttp.ClientResponse) -> bytes:
    with mapped(HTTP_ERRORS):
        return await answer.content.read(CHUNK_BYTES)
