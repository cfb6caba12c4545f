"""What a shadow knows of its source, in a file: each thing as it was told of last, and what is on its way.

What changed and the events that say so are written together, and the events are sent from there, with ids that count
once. So a shadow that is killed anywhere goes on with neither a gap nor anything twice.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS things (
    kind TEXT NOT NULL, id TEXT NOT NULL, mark INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL, weight INTEGER NOT NULL
)
"""


class ForeignState(Exception):
    """The file is that of another shadow."""


class Outgoing(NamedTuple):
    """An event as the route takes it, in JSON, and how many values that has."""

    event: bytes
    weight: int


class Waiting(NamedTuple):
    """An event that is on its way, and its number in the order in which they are sent."""

    number: int
    event: bytes
    weight: int


class ShadowState:
    """Open for as long as the shadow runs. Nothing is kept before `commit`."""

    def __init__(self, path: Path, source: str, target: str) -> None:
        """Raises ForeignState, and sqlite3.Error for a file that is none of this."""
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._take(path, source, target)
        except BaseException:
            self._connection.close()
            raise

    def _take(self, path: Path, source: str, target: str) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)
        for name, value in (("source", source), ("target", target)):
            if (found := self.fact(name)) not in (None, value):
                raise ForeignState(f"{path} is of a shadow whose {name} is {found}, and not {value}.")
        self._connection.execute("BEGIN IMMEDIATE")  # of two shadows with one file the second stops here
        self.note("source", source)
        self.note("target", target)
        self.commit()

    def close(self) -> None:
        self._connection.close()

    def fact(self, name: str) -> str | None:
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def marks(self, kind: str) -> dict[str, int]:
        """Of each thing of a kind a check of what the source showed of it at a glance."""
        return dict(self._connection.execute("SELECT id, mark FROM things WHERE kind = ?", (kind,)))

    def content(self, kind: str, identity: str) -> bytes | None:
        row = self._connection.execute(
            "SELECT content FROM things WHERE kind = ? AND id = ?", (kind, identity)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def contents(self, kind: str) -> Iterator[tuple[str, bytes]]:
        yield from self._connection.execute("SELECT id, content FROM things WHERE kind = ? ORDER BY id", (kind,))

    def keep(self, kind: str, identity: str, content: bytes, mark: int = 0) -> None:
        self._connection.execute("INSERT OR REPLACE INTO things VALUES (?, ?, ?, ?)", (kind, identity, mark, content))

    def forget(self, kind: str, identity: str) -> None:
        self._connection.execute("DELETE FROM things WHERE kind = ? AND id = ?", (kind, identity))

    def send(self, outgoing: Sequence[Outgoing]) -> None:
        """Have events sent, in this order, once they are committed."""
        self._connection.executemany("INSERT INTO outbox (event, weight) VALUES (?, ?)", outgoing)

    def commit(self) -> None:
        """Keep everything since the last call, all of it or nothing."""
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN IMMEDIATE")

    def forget_uncommitted(self) -> None:
        """Be as after the last `commit`."""
        self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN IMMEDIATE")

    def waiting(self, most: int) -> list[Waiting]:
        """The first events that are on their way."""
        with closing(self._connection.execute("SELECT * FROM outbox ORDER BY number LIMIT ?", (most,))) as found:
            return [Waiting(*row) for row in found]

    def sent(self, last: int) -> None:
        """The events up to this number are there."""
        self._connection.execute("DELETE FROM outbox WHERE number <= ?", (last,))
        self.commit()
