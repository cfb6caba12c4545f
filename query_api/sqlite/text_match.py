"""LIKE and ILIKE as every search means them, in SQLite: Unicode, case as asked, backslash an ordinary character.

SQLite's own LIKE ignores the case of ASCII letters and of no others. GLOB minds the case, so it serves LIKE, with the
wildcards rewritten; SQLite's LIKE serves ILIKE as long as the pattern is ASCII, a function in Python beyond that.
"""

import sqlite3
from typing import Final, NamedTuple

from query_api.filter.sql import Sql

LOWER_FUNCTION: Final = "tracklog_lower"
"""The name under which every reading connection must know `str.lower`."""

_GLOB: Final = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})


class TextMatch(NamedTuple):
    """`value operator pattern`, the value in lower case if `lowered`."""

    operator: str
    pattern: str
    lowered: bool = False

    def of_text(self, column: str) -> Sql:
        """The test of a column."""
        # The plus keeps SQLite from preparing the statement anew for each pattern to seek by its beginning.
        value = f"{LOWER_FUNCTION}({column})" if self.lowered else f"+{column}"
        return Sql(f"{value} {self.operator} ?", (self.pattern,))


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the statements of searches use."""
    connection.create_function(LOWER_FUNCTION, 1, str.lower, deterministic=True)


def like(pattern: str) -> TextMatch:
    """A pattern with % and _, case counting."""
    return TextMatch("GLOB", pattern.translate(_GLOB))


def ilike(pattern: str) -> TextMatch:
    """As `like`, case not counting."""
    if pattern.isascii():
        return TextMatch("LIKE", pattern)
    return TextMatch("GLOB", pattern.lower().translate(_GLOB), lowered=True)
