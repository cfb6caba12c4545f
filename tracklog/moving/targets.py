"""From what a user names to the store that is to be written."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tracklog.moving.file_target import FileTarget
from tracklog.moving.roots import Roots
from tracklog.moving.sqlite_target import SqliteTarget
from tracklog.moving.written_store import TargetUnfit, WrittenStore


def database_target_of(uri: str, mapped: Sequence[tuple[str, str]]) -> WrittenStore:
    """The database that a URI or the path of a file names. Raises TargetUnfit."""
    roots = Roots(mapped, None)
    scheme, separator, rest = uri.partition("://")
    backend = scheme.partition("+")[0]
    if not separator:
        return SqliteTarget(Path(uri).expanduser(), roots)
    if backend == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteTarget(Path(unquote(rest[1:])).expanduser(), roots)
    if backend in ("postgresql", "postgres"):
        from tracklog.moving.postgresql_target import PostgresqlTarget

        try:
            return PostgresqlTarget(make_url(f"postgresql://{rest}"), roots)
        except (ArgumentError, ValueError) as error:
            raise TargetUnfit(f"{scheme}://… is no URI of a database.") from error
    raise TargetUnfit(f"{scheme}:// is no database that can be written: name sqlite:///FILE or postgresql://….")


def folder_target_of(folder: str, mapped: Sequence[tuple[str, str]]) -> WrittenStore:
    """The folder that a path or a URI names."""
    path = unquote(folder.removeprefix("file://")) if folder.startswith("file:") else folder
    return FileTarget(Path(path).expanduser(), Roots(mapped, None))
