"""What the tables of the read model are declared with: their one `metadata`, and the columns that several have."""

from typing import Final

from sqlalchemy import MetaData, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

INDEXED_VALUE_CHARACTERS: Final = 64
"""Params and tags are indexed by this many first characters: PostgreSQL refuses index rows over 2.7 kB.

SQLite has no such limit, and reads an index without the table only when the index holds the column as it is: 40 times
faster to count or collect the runs with some value. So there the whole value is indexed.
"""

metadata = MetaData()

TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text ordered by its code points in every database, whatever the locale of PostgreSQL."""


class IndexedValue(ColumnElement[str]):
    """What a database can index of a column `value` of any length."""

    inherit_cache = True


@compiles(IndexedValue)
def _first_characters(element: IndexedValue, compiler: SQLCompiler, **_: object) -> str:
    return f"substr(value, 1, {INDEXED_VALUE_CHARACTERS})"


@compiles(IndexedValue, "sqlite")
def _whole_value(element: IndexedValue, compiler: SQLCompiler, **_: object) -> str:
    return "value"
