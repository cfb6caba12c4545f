"""A folder on an FTP server as a FileTree. `ftps` asks for TLS before it logs in, and for all data.

The server must know MLST and MLSD (RFC 3659), as ProFTPD, Pure-FTPd, FileZilla Server and pyftpdlib do, and vsftpd does
not.

- Links look like what they point at: that they lead nowhere outside is the server's to see to.
- A version of a blob is known by its time in seconds, its size and, where the server sends it, the file's own mark
  (`unique`). Each version is given a second that no version before had, if the server knows MFMT. On a server that
  knows neither, two versions of one size within a second have one ETag; so they may when two of our servers put a blob
  within a second.
- Replacing a file is one step on servers that rename as POSIX does. Where a server refuses to rename over a file, the
  old one is removed first, and a reader may find none for a moment.
- The last bytes of a download are held back until the server has said that the file is still the same one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from posixpath import join
from typing import ClassVar, Final

import aioftp

from artifact_proxy.stores.blob_store import StoreRefused, StoreUnavailable
from artifact_proxy.stores.library_errors import (
    ANSWERED_AWAY,
    ANSWERED_DENIED,
    AWAY,
    FULL,
    ErrorTable,
    Meaning,
    meaning_of,
)
from artifact_proxy.stores.servers.file_tree import FileTree, Found, Kind, Names, NoSuchPath, OpenFile, ServerRefused
from artifact_proxy.stores.streams import CHUNK_BYTES
from artifact_proxy.stores.turns import Turns
from artifact_proxy.stores.uri import StoreUri

CONNECT_TIMEOUT_S: Final = 10.0
REPLY_TIMEOUT_S: Final = 30.0
"""How long the server may be silent, or take to receive a chunk of an upload."""

CONNECTIONS: Final = 32
"""A connection does one thing at a time, a transfer as long as its client takes."""

CONNECTION_WAIT_S: Final = 30.0
TRUSTED_IDLE_S: Final = 1.0
"""A connection idle for longer is checked with a NOOP before it is used."""

FACTS: Final = "type;size;modify;unique;"
KINDS: Final[Mapping[str, Kind]] = {"file": Kind.FILE, "dir": Kind.FOLDER, "cdir": Kind.FOLDER, "pdir": Kind.OTHER}

DIGITS_OF_A_SECOND: Final = 14
"""YYYYMMDDHHMMSS; what follows a point is a part of a second."""


class CommandUnknown(ServerRefused):
    """The server does not know the command."""


REFUSED: Final = Meaning(ServerRefused, "{}")
UNKNOWN: Final = Meaning(CommandUnknown, "{}")

REPLY_ERRORS: Final[Mapping[str, Meaning]] = {
    **dict.fromkeys(("452", "552"), FULL),
    **dict.fromkeys(("530", "532", "534"), ANSWERED_DENIED),
    **dict.fromkeys(("421", "425", "426", "434"), ANSWERED_AWAY),
    **dict.fromkeys(("500", "502", "504"), UNKNOWN),
}
"""By the code of a reply (RFC 959); any other is ServerRefused."""

CONNECTION_ERRORS: Final[ErrorTable] = {aioftp.AIOFTPException: AWAY, OSError: AWAY, EOFError: AWAY, ValueError: AWAY}
"""Every way in which a command fails without a reply, or with one that cannot be read."""


class FtpFileTree(FileTree):
    """The folder that `uri` names, absolute on the server. Without a user the login is anonymous."""

    times_tell_versions: ClassVar[bool] = True

    def __init__(self, uri: StoreUri) -> None:
        self._uri = uri
        self._root = "/" + str(uri.folder)
        self._connections = Turns(
            CONNECTIONS, CONNECTION_WAIT_S, f"All {CONNECTIONS} connections to the artifact store are in use."
        )
        self._idle: list[tuple[aioftp.Client, float]] = []
        self._sets_times = True

    async def start(self) -> None:
        """Connections are made when they are needed."""

    async def close(self) -> None:
        for client, _ in self._idle:
            close_client(client)
        self._idle.clear()

    async def look(self, path: Names) -> Found | None:
        async with self._session() as client:
            return await self._look(client, path)

    async def list(self, folder: Names) -> AsyncIterator[tuple[str, Found]]:
        listed: list[tuple[str, Found]] = []
        async with self._session() as client:
            try:
                async with self._transfer(client, f"MLSD {self._at(folder)}") as stream:
                    while line := await read_line(stream):
                        name, facts = facts_of(line.rstrip(b"\r\n").decode(errors="surrogateescape"))
                        if facts.get("type", "").lower() not in ("cdir", "pdir"):
                            # To list a file, some servers answer the file itself, with its whole path.
                            listed.append((name, found_of(facts)))
                    async with calling():
                        await stream.finish()
            except ServerRefused:
                raise await self._refusal(client, folder) from None
        for entry in listed:
            yield entry

    async def make_root(self) -> None:
        async with self._session() as client:
            for depth in range(1, len(self._uri.folder.segments) + 1):
                with suppress(ServerRefused):  # it is there
                    await command(client, f"MKD {join('/', *self._uri.folder.segments[:depth])}")

    async def make_folder(self, path: Names) -> None:
        await self._change(f"MKD {self._at(path)}", path[:-1])

    async def write(self, path: Names, content: AsyncIterator[bytes]) -> None:
        async with self._session() as client:
            try:
                async with self._transfer(client, f"STOR {self._at(path)}") as stream:
                    async for chunk in content:
                        async with calling():
                            await stream.write(chunk)
                    async with calling():
                        await stream.finish()
            except ServerRefused:
                raise await self._refusal(client, path[:-1]) from None

    @asynccontextmanager
    async def open(self, path: Names) -> AsyncIterator[OpenFile]:
        found = await self.look(path)
        if found is None or found.kind is not Kind.FILE:
            raise NoSuchPath if found is None else ServerRefused
        yield _FtpFile(self, path, found)

    async def replace(self, source: Names, target: Names) -> None:
        try:
            await self._rename(source, target)
        except ServerRefused:
            async with self._session() as client:
                is_there = await self._look(client, target)
                if is_there is None or is_there.kind is not Kind.FILE:
                    raise
                await command(client, f"DELE {self._at(target)}")
            await self._rename(source, target)

    async def move(self, source: Names, target: Names) -> None:
        await self._rename(source, target)

    async def remove_file(self, path: Names) -> None:
        await self._change(f"DELE {self._at(path)}", path)

    async def remove_folder(self, path: Names) -> None:
        await self._change(f"RMD {self._at(path)}", path)

    async def set_modified(self, path: Names, time_s: int) -> None:
        if not self._sets_times:
            return
        async with self._session() as client:
            try:
                await command(client, f"MFMT {datetime.fromtimestamp(time_s, UTC):%Y%m%d%H%M%S} {self._at(path)}")
            except CommandUnknown:
                self._sets_times = False

    async def read_whole(self, path: Names, found: Found, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes of the version `found`. Raises StoreUnavailable when the file turns out to be another."""
        async with self._session() as client:
            held = b""
            try:
                async with self._transfer(client, f"RETR {self._at(path)}", start) as stream:
                    left = length
                    while left:
                        async with calling():
                            chunk = await stream.read(min(CHUNK_BYTES, left))
                        if not chunk:
                            raise StoreUnavailable("The artifact store ended its answer too early.")
                        left -= len(chunk)
                        if held:
                            yield held
                        held = chunk
            except ServerRefused as error:
                raise StoreUnavailable("The artifact was deleted while it was read.") from error
            async with calling():
                # When the file goes on, the server complains that it is not read on.
                await client.command(None, ("2xx", "4xx"), "1xx")
            if await self._look(client, path) != found:
                raise StoreUnavailable("The artifact was replaced while it was read.")
        yield held

    def _at(self, path: Names) -> str:
        return join(self._root, *path)

    async def _look(self, client: aioftp.Client, path: Names) -> Found | None:
        try:
            lines = await command(client, f"MLST {self._at(path)}")
        except CommandUnknown as error:
            raise StoreUnavailable("The FTP server does not know MLST (RFC 3659), which artifacts need.") from error
        except ServerRefused:
            return None
        return found_of(facts_of(lines[1].lstrip())[1])

    async def _change(self, text: str, needed: Names) -> None:
        async with self._session() as client:
            try:
                await command(client, text)
            except ServerRefused:
                raise await self._refusal(client, needed) from None

    async def _rename(self, source: Names, target: Names) -> None:
        async with self._session() as client:
            try:
                await command(client, f"RNFR {self._at(source)}", "350")
                await command(client, f"RNTO {self._at(target)}")
            except ServerRefused:
                refusal = await self._refusal(client, source)
                raise (
                    refusal if isinstance(refusal, NoSuchPath) else await self._refusal(client, target[:-1])
                ) from None

    async def _refusal(self, client: aioftp.Client, needed: Names) -> NoSuchPath | ServerRefused:
        """What a refusal means, for which FTP has one code: that `needed` is missing, or something else."""
        return NoSuchPath() if await self._look(client, needed) is None else ServerRefused()

    @asynccontextmanager
    async def _transfer(
        self, client: aioftp.Client, text: str, offset: int = 0
    ) -> AsyncIterator[aioftp.DataConnectionThrottleStreamIO]:
        async with calling():
            reader, writer = await client.get_passive_connection("I")
        try:
            async with calling():
                if offset:
                    await client.command(f"REST {offset}", "350")
                await client.command(text, "1xx")
            throttles = {"_": aioftp.StreamThrottle.from_limits()}
            yield aioftp.DataConnectionThrottleStreamIO(
                client, reader, writer, throttles=throttles, timeout=REPLY_TIMEOUT_S
            )
        finally:
            close_at_once(writer)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aioftp.Client]:
        """A connection of one's own. It is used again only after what keeps client and server in step."""
        async with self._connections.turn():
            client = await self._idle_or_new()
            try:
                yield client
            except (NoSuchPath, ServerRefused):
                self._idle.append((client, time.monotonic()))
                raise
            except BaseException:
                close_client(client)
                raise
            self._idle.append((client, time.monotonic()))

    async def _idle_or_new(self) -> aioftp.Client:
        while self._idle:
            client, since = self._idle.pop()
            if time.monotonic() - since < TRUSTED_IDLE_S:
                return client
            try:
                await command(client, "NOOP")
            except (StoreRefused, StoreUnavailable, ServerRefused):
                close_client(client)
            else:
                return client
        return await self._connected()

    async def _connected(self) -> aioftp.Client:
        client = aioftp.Client(connection_timeout=CONNECT_TIMEOUT_S, socket_timeout=REPLY_TIMEOUT_S)
        try:
            async with calling(CONNECT_TIMEOUT_S):
                await client.connect(self._uri.host, self._uri.port or aioftp.DEFAULT_PORT)
                if self._uri.scheme == "ftps":
                    await client.upgrade_to_tls()
                await client.login(self._uri.user or aioftp.DEFAULT_USER, self._uri.password or aioftp.DEFAULT_PASSWORD)
            for wish in ("OPTS UTF8 ON", f"OPTS MLST {FACTS}"):
                with suppress(ServerRefused):  # then it is so already, or the server sends what it sends
                    await command(client, wish)
        except ServerRefused as error:
            close_client(client)
            raise StoreRefused("The artifact store does not let this server in.") from error
        except BaseException:
            close_client(client)
            raise
        return client


class _FtpFile(OpenFile):
    """A path and the version that was found there."""

    def __init__(self, tree: FtpFileTree, path: Names, found: Found) -> None:
        self._tree = tree
        self._path = path
        self.found = found

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        async for chunk in self._tree.read_whole(self._path, self.found, start, length):
            yield chunk


def close_client(client: aioftp.Client) -> None:
    """Close its connection, if it has one."""
    with suppress(ConnectionError):  # aioftp's error when there is no stream yet
        close_at_once(client.stream.writer)


def close_at_once(writer: asyncio.StreamWriter) -> None:
    """Close a connection; what is not sent yet is dropped.

    Under TLS the server is notified, but its answer is not waited for, which RFC 8446 (6.1) does not ask for either.
    asyncio alone would keep the socket until the answer comes, up to 30 s, and leave it open when the loop ends before.
    """
    if not writer.is_closing():  # closed twice, asyncio's TLS transport would forget what to abort
        writer.close()
    writer.transport.abort()


async def read_line(stream: aioftp.DataConnectionThrottleStreamIO) -> bytes:
    """The next line of a listing; empty at its end."""
    async with calling():
        return await stream.readline()


async def command(client: aioftp.Client, text: str, expected: str = "2xx") -> list[str]:
    """The lines of the answer to a command.

    Raises ServerRefused, CommandUnknown, StoreFull, StoreUnavailable.
    """
    async with calling():
        _code, lines = await client.command(text, expected)
    return lines


def facts_of(line: str) -> tuple[str, dict[str, str]]:
    """The name and the facts in a line of MLST or MLSD."""
    listed, _, name = line.partition(" ")
    facts = (fact.partition("=") for fact in listed.split(";") if fact)
    return name, {key.lower(): value for key, _, value in facts}


def found_of(facts: Mapping[str, str]) -> Found:
    modify = facts.get("modify", "19700101000000")
    return Found(
        kind=KINDS.get(facts.get("type", "").lower(), Kind.OTHER),
        size=int(facts.get("size", 0)),
        modified=datetime.strptime(modify[:DIGITS_OF_A_SECOND], "%Y%m%d%H%M%S").replace(tzinfo=UTC),
        identity=f"{modify}-{facts.get('unique', '')}".encode().hex(),
    )


@asynccontextmanager
async def calling(timeout_s: float = REPLY_TIMEOUT_S) -> AsyncIterator[None]:
    """Limit the time of a call to the server, and raise the errors of FileTree for aioftp's, cause kept."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except aioftp.StatusCodeError as error:
        code = str(error.received_codes[-1])
        raise REPLY_ERRORS.get(code, REFUSED).raised(code) from error
    except tuple(CONNECTION_ERRORS) as error:
        raise meaning_of(error, CONNECTION_ERRORS) from error
