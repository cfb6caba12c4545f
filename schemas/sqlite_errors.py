"""Which errors of SQLite mean that a file is damaged, and which that it cannot be used just now.

By SQLite's names, https://www.sqlite.org/rescode.html. Any other is a fault of a statement, or of a value in it.
"""

import sqlite3
from typing import Final

_DAMAGE: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})

_PASSING: Final = frozenset(
    {
        "SQLITE_FULL",
        "SQLITE_IOERR",
        "SQLITE_BUSY",
        "SQLITE_LOCKED",
        "SQLITE_CANTOPEN",
        "SQLITE_READONLY",
        "SQLITE_PERM",
        "SQLITE_NOMEM",
        "SQLITE_PROTOCOL",
    }
)
"""The disk is full, unavailable or read-only, or another process has the file."""

_GONE: Final = ("no such table", "no such column", "Could not decode to UTF-8")
"""Damage that SQLite has no name for: missing tables and columns, of which every file of ours has all, and texts that
are not UTF-8."""


def name_of(error: sqlite3.Error) -> str:
    """SQLite's name of an error, empty without one. The detail is left out: SQLITE_IOERR for SQLITE_IOERR_READ."""
    return "_".join((getattr(error, "sqlite_errorname", None) or "").split("_")[:2])


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file does not hold what was written into it."""
    return name_of(error) in _DAMAGE or str(error).startswith(_GONE)


def is_passing(error: sqlite3.Error) -> bool:
    """Whether the same may succeed later."""
    return name_of(error) in _PASSING
