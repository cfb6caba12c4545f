"""Opening a database of MLflow to read: SQLite without a lock or a byte written, others in read-only transactions."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from tracklog.moving.database import DatabaseReader
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.records import Records
from tracklog.moving.stores import Consume, NoStore, Store
from tracklog.moving.texts import lenient

SQLITE_HEAD: Final = b"SQLite format 3\0"

_COPIES: Final = 5
"""How often a database that somebody writes to is copied before nobody did meanwhile."""

DRIVERS: Final = {"postgresql": "asyncpg", "mysql": "pymysql", "mariadb": "pymysql", "mssql": "pymssql"}
"""By the database; what a URI says of drivers is what MLflow used, and need not be installed here."""

READ_ONLY: Final = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
"""What a session is told first. PostgreSQL is told with the connection; SQL Server knows nothing like it."""


Read = Callable[[Engine], Records]
"""What reads an open database."""


def store_records(engine: Engine) -> Records:
    """Of MLflow's tracking store."""
    return DatabaseReader(DatabaseRows(engine)).records()


class SqliteStore(Store):
    """A database in a file, opened as one that nobody changes: nothing is locked, and nothing written beside it.

    What MLflow has not yet moved out of its write-ahead log is in files beside the database. SQLite would have to write
    to read them, so where there are such files it reads copies of all.
    """

    def __init__(self, path: Path, read: Read = store_records) -> None:
        self._path = path
        self._read = read

    @property
    def path(self) -> Path:
        return self._path

    def is_larger_than(self, size: int) -> bool:
        """Whether its file has more bytes; not where it is not there."""
        return self._path.exists() and self._path.stat().st_size > size

    def __str__(self) -> str:
        return f"sqlite:///{self._path}"

    def read(self, consume: Consume) -> None:
        before = _state(self._path)
        with _readable(self._path) as (path, options):
            is_copy = path != self._path
            engine = create_engine("sqlite://", creator=lambda: _connect(path, options), poolclass=NullPool)
            try:
                consume(self._read(engine))
            except (DBAPIError, sqlite3.Error) as error:
                reason = error.orig if isinstance(error, DBAPIError) else error
                raise NoStore(f"{self._path} cannot be read: {reason}") from error
        if not is_copy and _state(self._path) != before:
            raise NoStore(f"{self._path} changed while it was read. Start again, best when nothing writes to it.")


def _state(path: Path) -> list[tuple[int, int] | None]:
    """What changes when a database does: size and time of its files."""
    found: list[tuple[int, int] | None] = []
    for one in (path, *_beside(path)):
        try:
            status = one.stat()
            found.append((status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]


@contextmanager
def _readable(path: Path) -> Iterator[tuple[Path, str]]:
    """The file to open and how: the database itself, or a copy of it."""
    if _head(path) != SQLITE_HEAD:
        raise NoStore(f"{path} is no database of SQLite.")
    beside = [one for one in _beside(path) if one.exists() and one.stat().st_size]
    if not beside:
        yield path, "?mode=ro&immutable=1"
        return
    with tempfile.TemporaryDirectory(prefix="tracklog-import-") as folder:
        _copy_unchanged(path, beside, Path(folder))
        yield Path(folder) / path.name, ""


def _copy_unchanged(path: Path, beside: Sequence[Path], folder: Path) -> None:
    """Copy files of one moment: again where somebody wrote meanwhile. What is written later does not matter."""
    for _ in range(_COPIES):
        before = _state(path)
        for one in (path, *beside):
            shutil.copyfile(one, folder / one.name)
        if _state(path) == before:
            return
    raise NoStore(f"{path} changed each time while it was copied. Start again, best when nothing writes to it.")


def _connect(path: Path, options: str) -> sqlite3.Connection:
    name = str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(f"file:{name}{options}", uri=True, check_same_thread=False)
    connection.text_factory = lenient
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA writable_schema = 1")  # else not a row is read of a file that ends too early
    connection.execute("PRAGMA cache_size = -65536")
    return connection


class ServedStore(Store):
    """A database of a server, read in read-only transactions, with one connection for each kind of rows."""

    def __init__(self, url: URL, read: Read = store_records) -> None:
        self._url = url
        self._records = read

    @property
    def url(self) -> URL:
        return self._url

    def __str__(self) -> str:
        return self._url.set(drivername=self._url.get_backend_name()).render_as_string(hide_password=True)

    def read(self, consume: Consume) -> None:
        try:
            if self._url.get_backend_name() == "postgresql":
                asyncio.run(self._read_by_asyncpg(consume))
            else:
                self._read(create_engine(self._url, poolclass=NullPool, execution_options=_STREAMED), consume)
        except ModuleNotFoundError as error:
            extra = self._url.get_backend_name().replace("mariadb", "mysql")
            raise NoStore(f"{self} needs the driver {error.name}: pip install 'tracklog[{extra}]'.") from error
        except (DBAPIError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise NoStore(f"{self} cannot be read: {reason}") from error

    def _read(self, engine: Engine, consume: Consume) -> None:
        statement = READ_ONLY.get(engine.dialect.name)
        if statement is not None:

            @event.listens_for(engine, "connect")
            def only_read(connection: Any, _record: Any) -> None:
                with connection.cursor() as cursor:
                    cursor.execute(statement)

        consume(self._records(engine))

    async def _read_by_asyncpg(self, consume: Consume) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        settings = {"default_transaction_read_only": "on"}
        engine = create_async_engine(
            self._url, poolclass=NullPool, connect_args={"server_settings": settings}, execution_options=_STREAMED
        )
        async with engine.connect() as connection:
            # Inside, SQLAlchemy waits for the driver where plain code calls it.
            await connection.run_sync(lambda _: self._read(engine.sync_engine, consume))


_STREAMED: Final = {"stream_results": True}


def database_store_of(uri: str, read: Read = store_records) -> Store:
    """The store that a URI of SQLAlchemy names, whose records `read` makes. Raises NoStore."""
    scheme, _, rest = uri.partition("://")
    if scheme.partition("+")[0] == "sqlite":
        if not rest.startswith("/"):
            raise NoStore(f"{uri!r} must look like sqlite:///FILE.")
        return SqliteStore(Path(unquote(rest[1:].partition("?")[0])).expanduser().absolute(), read)
    try:
        url = make_url(uri)
        backend = "postgresql" if scheme == "postgres" else url.get_backend_name()
        driver = DRIVERS[backend]
    except (ArgumentError, NoSuchModuleError, KeyError) as error:
        raise NoStore(f"{scheme}:// is no kind of store that can be read.") from error
    except ValueError as error:  # of a port that is no number
        raise NoStore(f"{scheme}://… is no URI of a database.") from error
    return ServedStore(url.set(drivername=f"{backend}+{driver}"), read)


def is_database(uri: str) -> bool:
    """Whether a source is named by the URI of a database."""
    return "://" in uri and not uri.startswith(("file://", "http://", "https://"))


def sqlite_file(path: Path) -> bool:
    """Whether a path is a file that SQLite wrote. Raises NoStore where it cannot be read."""
    return path.is_file() and _head(path) == SQLITE_HEAD


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_HEAD))
    except OSError as error:
        raise NoStore(f"{path} cannot be read: {error.strerror}.") from error
