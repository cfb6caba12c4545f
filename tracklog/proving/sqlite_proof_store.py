"""The proofs of a log in an SQLite file beside it.

By the driver alone: the process that follows the log is small, and would be half as large again with SQLAlchemy.
"""

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from schemas.errors import TemporarilyUnavailable
from tracklog.proving.proof_store import ProofStore, Statement

TIMEOUT_S: Final = 5.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS partitions (
  log_id TEXT NOT NULL, "partition" INTEGER NOT NULL, size INTEGER NOT NULL, fault TEXT,
  PRIMARY KEY (log_id, "partition")
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tiles (
  log_id TEXT NOT NULL, "partition" INTEGER NOT NULL, level INTEGER NOT NULL, number INTEGER NOT NULL,
  hashes BLOB NOT NULL, hints BLOB NOT NULL, PRIMARY KEY (log_id, "partition", level, number)
);
CREATE TABLE IF NOT EXISTS checkpoints (
  log_id TEXT NOT NULL, "partition" INTEGER NOT NULL, hour INTEGER NOT NULL, size INTEGER NOT NULL,
  note TEXT NOT NULL, PRIMARY KEY (log_id, "partition", hour)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
  log_id TEXT NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (log_id, number)
) WITHOUT ROWID;
"""


class SqliteProofStore(ProofStore):
    """Made where there is none. Its calls take a moment of the disk, and are made on the calling thread.

    Raises TemporarilyUnavailable where it cannot be made.
    """

    def __init__(self, path: Path, log_id: str, **given: Any) -> None:
        super().__init__(log_id, **given)
        self._path = path
        self._using = threading.Lock()
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # What is lost with the power is made again from the log, which loses nothing.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._unavailable(error) from error

    async def _fetch(self, sql: str, *parameters: Any) -> Sequence[Sequence[Any]]:
        with self._using:
            try:
                return self._connection.execute(_numbered(sql), parameters).fetchall()
            except sqlite3.Error as error:
                raise self._unavailable(error) from error

    async def _write(self, first: Statement, others: Sequence[Statement]) -> bool:
        with self._using:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    changed = self._connection.execute(_numbered(first[0]), first[1][0]).rowcount
                    if changed:
                        for sql, values in others:
                            self._connection.executemany(_numbered(sql), values)
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._unavailable(error) from error
            return changed > 0

    async def close(self) -> None:
        with self._using:
            self._connection.close()

    def _unavailable(self, error: Exception) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(f"The proofs of the log, in {self._path}, cannot be used now: {error}.")


def in_one_file(path: Path) -> None:
    """Make it one file, to be carried away, unless somebody reads it now."""
    with closing(sqlite3.connect(path)) as connection, contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = DELETE")


def _numbered(sql: str) -> str:
    return re.sub(r"\$(\d)", r"?\1", sql)
