"""From what a user names to the store that is meant."""

from pathlib import Path
from urllib.parse import unquote

from tracklog.moving.stores import NoStore, Store


def store_of(source: str) -> Store:
    """The store at a path or a URI: a folder, an SQLite file, a database of a server, or a running MLflow.

    Raises NoStore for what is none. What needs a library imports it only here.
    """
    from tracklog.moving.database_store import SqliteStore, database_store_of, is_database, sqlite_file

    if is_database(source):
        return database_store_of(source)
    if source.startswith(("http://", "https://")):
        from tracklog.moving.rest_store import check_server

        return check_server(source)
    path = Path(unquote(source.removeprefix("file://")) if source.startswith("file:") else source).expanduser()
    if sqlite_file(path):
        return SqliteStore(path.absolute())
    if not path.is_dir():
        raise NoStore(f"{source} is neither a folder nor a database.")
    from tracklog.moving.file_store import FileStore

    return FileStore((path / "mlruns" if (path / "mlruns").is_dir() else path).absolute())


def folder_beside(source: str) -> Path | None:
    """The folder in which artifacts may lie that moved with their store; None for one on a server."""
    path = source.partition("://")[2][1:] if source.startswith("sqlite") else source.removeprefix("file://")
    if "://" in path:
        return None
    folder = Path(unquote(path)).expanduser().absolute()
    return folder.parent if folder.is_file() or folder.name == "mlruns" else folder
