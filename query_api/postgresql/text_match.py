"""LIKE and ILIKE as every search means them, in PostgreSQL: Unicode, case as asked, backslash an ordinary character.

Letters and their case are those of Unicode whatever the locale of the database: of ASCII in the collation "C", of all
in the one that comes with the read model.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, collate, func, literal

from query_api.filter.sql import Sql
from schemas.postgresql import LETTERS


class TextMatch(NamedTuple):
    """`value operator pattern`, both in `collation`, both in lower case if `lowered`."""

    operator: str
    pattern: str
    collation: str = "C"
    lowered: bool = False

    def of_text(self, column: str) -> Sql:
        """As `query_api.dialect.TextMatch` says."""
        value, pattern = f'{column} COLLATE "{self.collation}"', f'? COLLATE "{self.collation}"'
        if self.lowered:
            return Sql(f"lower({value}) {self.operator} lower({pattern})", (self.pattern,))
        return Sql(f"{value} {self.operator} ?", (self.pattern,))

    def of_column(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """As `query_api.dialect.TextMatch` says."""
        value: ColumnElement[Any] = collate(column, self.collation)
        wanted: ColumnElement[Any] = collate(literal(self.pattern), self.collation)
        if self.lowered:
            value, wanted = func.lower(value), func.lower(wanted)
        test: ColumnElement[bool] = value.bool_op(self.operator)(wanted)
        return test


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
