"""Lookups in the SQLite read model.

Statements run on the event loop's own thread: each is a probe of a primary key or a unique index and takes some ten
microseconds, a fifth of what handing it to another thread would.
"""

import os
import sqlite3
import urllib.parse
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from ingest.admission.lookups import Lookup, Lookups, Parameter
from read_model.sqlite_statements import in_sqlite
from schemas.errors import TemporarilyUnavailable
from schemas.sqlite_errors import is_damage, is_passing

T = TypeVar("T")

OnDamage = Callable[[str, str], None]
"""Called with the file's name, and what is wrong with it; the request is answered 503."""

BUSY_WAIT_S: Final = 0.05
"""Readers of a WAL wait only while it is recovered; the event loop must not wait long."""


@cache
def _compiled(statement: str) -> tuple[str, bool]:
    """The statement of a lookup as SQLite writes it, and whether a parameter is a list, which is passed as JSON."""
    return in_sqlite(statement), "= ANY(" in statement


class SqliteLookups(Lookups):
    """Reads the file that `link` points to, and the one it points to next once that changes.

    `link` is a symbolic link that is replaced when a rebuilt read model takes over.
    """

    def __init__(self, link: Path, on_damage: OnDamage = lambda _file, _why: None) -> None:
        self._link = os.fspath(link)
        self._on_damage = on_damage
        self._target = ""
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._target = ""

    async def one(self, lookup: Lookup[T], *parameters: Parameter) -> T | None:
        rows = self._rows(lookup.statement, parameters)
        return lookup.row(rows[0]) if rows else None

    async def all(self, lookup: Lookup[T], *parameters: Parameter) -> list[T]:
        return list(map(lookup.row, self._rows(lookup.statement, parameters)))

    def _rows(self, statement: str, parameters: Sequence[Parameter]) -> list[tuple[Any, ...]]:
        """Every row, from the present read model. Raises TemporarilyUnavailable when there is none."""
        try:
            target = os.readlink(self._link)
            connection = self._connection
            if connection is None or target != self._target:
                connection = self._reopen(target)
            sql, has_list = _compiled(statement)
            return connection.execute(sql, [*map(_bound, parameters)] if has_list else parameters).fetchall()
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error):
                if is_damage(error):
                    self._on_damage(self._target, str(error))
                elif not is_passing(error):
                    raise
            self.close()
            raise TemporarilyUnavailable(f"The read model {self._link} cannot be read: {error}") from error

    def _reopen(self, target: str) -> sqlite3.Connection:
        self.close()
        file = os.path.join(os.path.dirname(self._link), target)
        self._connection = sqlite3.connect(
            f"file:{urllib.parse.quote(file)}?mode=ro", uri=True, timeout=BUSY_WAIT_S, isolation_level=None
        )
        self._target = target
        return self._connection


def _bound(parameter: Parameter) -> str | int:
    """A list as JSON, without the texts that hold a NUL: json_each would cut them there."""
    if isinstance(parameter, list):
        return orjson.dumps([text for text in parameter if "\0" not in text]).decode()
    return parameter
