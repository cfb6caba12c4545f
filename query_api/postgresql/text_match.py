"""LIKE and ILIKE as every search means them, in PostgreSQL: Unicode, case as asked, backslash an ordinary character.

Letters and their case are those of Unicode whatever the locale of the database: of ASCII in the collation "C", of all
in the one that comes with the read model.
"""

from typing import NamedTuple

from query_api.filter.sql import Sql
from schemas.postgresql import LETTERS


class TextMatch(NamedTuple):
    """`value operator pattern`, both in `collation`, both in lower case if `lowered`."""

    operator: str
    pattern: str
    collation: str = "C"
    lowered: bool = False

    def of_text(self, column: str) -> Sql:
        """The test of a column."""
        value, pattern = f'{column} COLLATE "{self.collation}"', f'? COLLATE "{self.collation}"'
        if self.lowered:
            return Sql(f"lower({value}) {self.operator} lower({pattern})", (self.pattern,))
        return Sql(f"{value} {self.operator} ?", (self.pattern,))


def like(pattern: str) -> TextMatch:
    """A pattern with % and _, case counting."""
    return TextMatch("LIKE", _unescaped(pattern))


def ilike(pattern: str) -> TextMatch:
    """As `like`, case not counting."""
    if pattern.isascii():
        return TextMatch("ILIKE", _unescaped(pattern))
    return TextMatch("LIKE", _unescaped(pattern), LETTERS, lowered=True)


def _unescaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")
