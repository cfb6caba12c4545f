"""SQLite's words for the pieces of a statement."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import orjson

from query_api.dialect import Dialect
from query_api.documents import DocumentCompiler
from query_api.filter.sql import Sql
from query_api.sqlite import text_match
from query_api.sqlite.documents import SqliteDocuments
from read_model.sqlite_statements import in_sqlite

_WITH_BIT: Final = [bytes(byte for byte in range(256) if byte & 0x80 >> bit) for bit in range(8)]
"""For each of the bits of a byte, the bytes that have it."""


class SqliteDialect(Dialect):
    """Statements with question marks. A list is one parameter, a JSON text, however long it is."""

    name: ClassVar[str] = "sqlite"
    documents: ClassVar[DocumentCompiler] = SqliteDocuments()
    indexed_characters: ClassVar[int | None] = None
    set_of: ClassVar[str] = "SELECT"
    apart: ClassVar[str] = ""
    keeps_order: ClassVar[bool] = True

    def statement(self, text: str) -> str:
        return in_sqlite(text)

    def listed(self, values: Sequence[Any]) -> Any:
        return orjson.dumps(values).decode()

    def assembled(self, sql: Sql) -> tuple[str, Sequence[Any]]:
        return sql

    def is_in(self, values: Sequence[Any]) -> Sql:
        return Sql("IN (SELECT value FROM json_each(?))", (self.listed(values),))

    def is_not_in(self, values: Sequence[Any]) -> Sql:
        return Sql("NOT IN (SELECT value FROM json_each(?))", (self.listed(values),))

    def is_of(self, keys: Sql) -> Sql:
        return Sql(f"IN ({keys.text})", keys.parameters)

    def text_match(self, column: str, pattern: str, *, ignore_case: bool) -> Sql:
        match = text_match.ilike(pattern) if ignore_case else text_match.like(pattern)
        return match.of_text(column)

    def bytes_within(self, column: str, part: bytes) -> Sql:
        return Sql(f"instr({column}, ?) > 0", (part,))

    def bit_is_set(self, column: str, number: int) -> Sql:
        """SQLite makes no number of a byte: it is one of those with the bit."""
        byte, bit = divmod(number, 8)
        return Sql(f"instr(?, substr({column}, ? % length({column}) + 1, 1)) > 0", (_WITH_BIT[bit], byte))

    def comparable(self, integers: str, number: float) -> tuple[str, int | float]:
        return integers, number

    def indexed_text(self, column: str) -> str:
        return column

    def from_index(self, table: str, index: str) -> str:
        return f"{table} INDEXED BY {index}"

    def by_key(self, table: str) -> str:
        """Else SQLite reads all of an index that has the order, and looks for each row among the keys."""
        return f"{table} NOT INDEXED"

    def row_passes(self, rows: Sql, test: Sql) -> Sql:
        return Sql(f"EXISTS (SELECT 1 FROM {rows.text} AND {test.text})", rows.parameters + test.parameters)

    def any_row_passes(self, rows: Sql, test: Sql) -> Sql:
        return self.row_passes(rows, test)

    def no_row(self, rows: Sql) -> Sql:
        return Sql(f"NOT EXISTS (SELECT 1 FROM {rows.text})", rows.parameters)

    def is_in_set(self, value: str, members: Sql) -> Sql:
        return Sql(f"{value} IN ({members.text})", members.parameters)


SQLITE: Final = SqliteDialect()
