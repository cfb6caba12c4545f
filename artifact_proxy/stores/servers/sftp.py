"""A folder on an SSH server as a FileTree, over SFTP 3 as OpenSSH speaks it.

Hosts are trusted by ~/.ssh/known_hosts, and ~/.ssh/config and the keys beside it are read as by `ssh`.

- A link inside the root leads nowhere: each folder's real path is requested from the server. Between that and the use
  of the folder there is a moment, which matters only if somebody puts links there who may already write to the server.
- The protocol has a file's time in whole seconds, and nothing else to tell versions apart. So each version of a blob is
  given a second that no version before had, which may lie in the future for as many seconds as there were versions
  within one. Two servers that put one blob within the same second may give both versions one ETag.
- A server without OpenSSH's `posix-rename` cannot replace a file in one step: a reader may find none for a moment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from posixpath import join
from stat import S_ISDIR, S_ISREG
from typing import Any, ClassVar, Final

import asyncssh

from artifact_proxy.stores.blob_store import StoreFull, StoreUnavailable
from artifact_proxy.stores.library_errors import AWAY, DENIED, FULL, ErrorTable, Meaning, mapped
from artifact_proxy.stores.servers.file_tree import FileTree, Found, Kind, Names, NoSuchPath, OpenFile, ServerRefused
from artifact_proxy.stores.streams import CHUNK_BYTES
from artifact_proxy.stores.uri import StoreUri

CONNECT_TIMEOUT_S: Final = 10.0
REPLY_TIMEOUT_S: Final = 30.0
"""How long the server may be silent, or take to receive a chunk of an upload."""

LIST_TIMEOUT_S: Final = 120.0
"""A folder is listed whole."""

KEEPALIVE_S: Final = 15.0

CHANNELS: Final = 4
"""A server works at the requests of one channel one after another, and a sync to disk takes a while. OpenSSH allows ten
to a connection."""

MISSING: Final = Meaning(NoSuchPath)
CONNECTION_LOST: Final = Meaning(StoreUnavailable, "The artifact store cannot do this ({}).")

STORE_ERRORS: Final[ErrorTable] = {
    asyncssh.SFTPNoSuchFile: MISSING,
    asyncssh.SFTPNoSuchPath: MISSING,
    asyncssh.SFTPNotADirectory: MISSING,
    asyncssh.SFTPNoSpaceOnFilesystem: FULL,
    asyncssh.SFTPQuotaExceeded: FULL,
    asyncssh.SFTPConnectionLost: CONNECTION_LOST,
    asyncssh.SFTPNoConnection: CONNECTION_LOST,
    asyncssh.SFTPPermissionDenied: DENIED,
    asyncssh.SFTPWriteProtect: DENIED,
    asyncssh.SFTPError: Meaning(ServerRefused, "{}"),
    # The server does not let this one in, or this one does not trust the server.
    asyncssh.PermissionDenied: DENIED,
    asyncssh.HostKeyNotVerifiable: DENIED,
    # A key or a configuration of this user's that cannot be used.
    asyncssh.KeyImportError: DENIED,
    asyncssh.KeyEncryptionError: DENIED,
    asyncssh.ConfigParseError: DENIED,
    asyncssh.Error: AWAY,
    OSError: AWAY,
}
"""By the class of asyncssh's error."""


class SftpFileTree(FileTree):
    """The folder that `uri` names, absolute on the server."""

    times_tell_versions: ClassVar[bool] = True

    def __init__(self, uri: StoreUri, **options: Any) -> None:
        """`options` are asyncssh's own, beside what the URI says."""
        self._uri = uri
        self._options = options
        self._root = "/" + str(uri.folder)
        self._connecting = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._channels: list[asyncssh.SFTPClient] = []
        self._turn = count()
        self._real_root: bytes | None = None

    async def start(self) -> None:
        """Connections are made when they are needed."""

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()

    async def look(self, path: Names) -> Found | None:
        async with self._session() as sftp:
            try:
                async with calling():
                    if not path:
                        return found_of(await sftp.stat(self._at(())))
                    attrs, _ = await asyncio.gather(sftp.lstat(self._at(path)), self._confine(sftp, path[:-1]))
                    return found_of(attrs)
            except NoSuchPath:
                return None

    async def list(self, folder: Names) -> AsyncIterator[tuple[str, Found]]:
        async with self._session() as sftp, calling(LIST_TIMEOUT_S):
            await self._confine(sftp, folder)
            listed = await sftp.readdir(self._at(folder))
        for entry in listed:
            assert isinstance(entry.filename, bytes), "no encoding is set, so names are bytes"
            if entry.filename not in (b".", b".."):
                yield entry.filename.decode(errors="surrogateescape"), found_of(entry.attrs)

    async def make_root(self) -> None:
        async with self._session() as sftp, calling():
            await sftp.makedirs(self._at(()), exist_ok=True)

    async def make_folder(self, path: Names) -> None:
        async with self._session() as sftp, calling():
            await self._confine(sftp, path[:-1])
            await sftp.mkdir(self._at(path))

    async def write(self, path: Names, content: AsyncIterator[bytes]) -> None:
        async with self._session() as sftp, AsyncExitStack() as opened:
            async with calling():
                await self._confine(sftp, path[:-1])
                file = await sftp.open(
                    self._at(path), asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL, encoding=None
                )
            opened.push_async_callback(close_quietly, file)
            async for chunk in content:
                await self._append(sftp, file, chunk)
            async with calling():
                with suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
                await file.close()

    @asynccontextmanager
    async def open(self, path: Names) -> AsyncIterator[OpenFile]:
        found = await self.look(path)
        if found is None or found.kind is not Kind.FILE:
            raise NoSuchPath if found is None else ServerRefused
        async with self._session() as sftp:
            async with calling():
                file = await sftp.open(self._at(path), "rb", encoding=None)
            try:
                async with calling():
                    opened = found_of(await file.stat())
                yield _SftpFile(file, opened)
            finally:
                await close_quietly(file)

    async def replace(self, source: Names, target: Names) -> None:
        async with self._session() as sftp, calling():
            await self._confine(sftp, target[:-1])
            try:
                await sftp.posix_rename(self._at(source), self._at(target))
            except asyncssh.SFTPOpUnsupported:
                with suppress(asyncssh.SFTPNoSuchFile):
                    await sftp.remove(self._at(target))
                await sftp.rename(self._at(source), self._at(target))

    async def move(self, source: Names, target: Names) -> None:
        async with self._session() as sftp, calling():
            await self._confine(sftp, source[:-1])
            await sftp.rename(self._at(source), self._at(target))

    async def remove_file(self, path: Names) -> None:
        async with self._session() as sftp, calling():
            await self._confine(sftp, path[:-1])
            await sftp.remove(self._at(path))

    async def remove_folder(self, path: Names) -> None:
        async with self._session() as sftp, calling():
            await sftp.rmdir(self._at(path))

    async def set_modified(self, path: Names, time_s: int) -> None:
        async with self._session() as sftp, calling():
            await sftp.utime(self._at(path), (time_s, time_s))

    def _at(self, path: Names) -> bytes:
        return join(self._root, *path).encode()

    async def _confine(self, sftp: asyncssh.SFTPClient, folder: Names) -> None:
        """Raises NoSuchPath when a link is on the way from the root to `folder`, or the folder is missing."""
        if self._real_root is None:
            self._real_root = real(await sftp.realpath(self._at(())))
        if folder and real(await sftp.realpath(self._at(folder))) != join(
            self._real_root, *(name.encode() for name in folder)
        ):
            raise NoSuchPath

    async def _append(self, sftp: asyncssh.SFTPClient, file: Any, chunk: bytes) -> None:
        try:
            async with calling():
                await file.write(chunk)
        except ServerRefused as error:
            await self._check_room(sftp)
            raise StoreUnavailable("The artifact store does not take the upload.") from error

    async def _check_room(self, sftp: asyncssh.SFTPClient) -> None:
        """Raises StoreFull where the server can say so; SFTP 3 has no error for it."""
        with suppress(ServerRefused, NoSuchPath):
            async with calling():
                room = await sftp.statvfs(self._at(()))
            if room.bavail == 0:
                raise StoreFull("The artifact store has no room.")

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """A channel to the server, one after another."""
        async with calling(CONNECT_TIMEOUT_S), self._connecting:
            if self._connection is None or self._connection.is_closed():
                await self._connect()
        yield self._channels[next(self._turn) % len(self._channels)]

    async def _connect(self) -> None:
        given = {"port": self._uri.port, "username": self._uri.user, "password": self._uri.password}
        connection = await asyncssh.connect(
            self._uri.host,
            **{name: value for name, value in given.items() if value},
            keepalive_interval=KEEPALIVE_S,
            **self._options,
        )
        try:
            channels = [await connection.start_sftp_client(path_encoding=None) for _ in range(CHANNELS)]
        except BaseException:
            connection.abort()
            raise
        self._connection, self._channels = connection, channels


class _SftpFile(OpenFile):
    """A handle of the server's: it stays on the version that was opened."""

    def __init__(self, file: Any, found: Found) -> None:
        self._file = file
        self.found = found

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        end = start + length
        while start < end:
            async with calling():
                chunk = await self._file.read(min(CHUNK_BYTES, end - start), start)
            if not chunk:
                return
            start += len(chunk)
            yield chunk


async def close_quietly(file: Any) -> None:
    """Let go of a handle. Its server may be gone, and then the handle is."""
    with suppress(asyncssh.Error, OSError, TimeoutError):
        async with asyncio.timeout(REPLY_TIMEOUT_S):
            await file.close()


def real(path: Any) -> bytes:
    """The answer of realpath, as bytes."""
    assert isinstance(path, bytes), "no encoding is set, so names are bytes"
    return path


def found_of(attrs: asyncssh.SFTPAttrs) -> Found:
    mode = attrs.permissions or 0
    kind = Kind.FILE if S_ISREG(mode) else Kind.FOLDER if S_ISDIR(mode) else Kind.OTHER
    modified_s = attrs.mtime or 0
    return Found(
        kind=kind,
        size=attrs.size or 0,
        modified=datetime.fromtimestamp(modified_s, UTC),
        identity=f"{modified_s:x}",
    )


@asynccontextmanager
async def calling(timeout_s: float = REPLY_TIMEOUT_S) -> AsyncIterator[None]:
    """Limit the time of a call to the server, and raise the errors of FileTree for asyncssh's, cause kept."""
    with mapped(STORE_ERRORS):
        async with asyncio.timeout(timeout_s):
            yield
