"""PostgreSQL's words for the pieces of a statement.

A test of a row is a subquery for one value, which PostgreSQL looks up row by row; of EXISTS it would make a join, in an
order that it chooses by what it guesses about the values.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from query_api.dialect import Dialect
from query_api.documents import DocumentCompiler
from query_api.filter.sql import Sql
from query_api.postgresql import text_match
from query_api.postgresql.documents import PostgresqlDocuments
from read_model.tables import INDEXED_VALUE_CHARACTERS
from schemas.mlflow import LARGEST_INT64

MAX_SET_ROWS: Final = 200_000
"""Tells PostgreSQL that a set fits in memory. Twice what a search counts (`MANY_RUNS`), so that rows which come between
the count and the search do not make a set incomplete."""


class PostgresqlDialect(Dialect):
    """Statements with numbered parameters, each cast to its type. A list is one parameter, an array."""

    name: ClassVar[str] = "postgresql"
    documents: ClassVar[DocumentCompiler] = PostgresqlDocuments()
    indexed_characters: ClassVar[int | None] = INDEXED_VALUE_CHARACTERS
    set_of: ClassVar[str] = "SELECT DISTINCT"
    apart: ClassVar[str] = " OFFSET 0"
    keeps_order: ClassVar[bool] = False

    def statement(self, text: str) -> str:
        return text

    def listed(self, values: Sequence[Any]) -> Any:
        return list(values)

    def assembled(self, sql: Sql) -> tuple[str, Sequence[Any]]:
        return numbered(sql)

    def is_in(self, values: Sequence[Any]) -> Sql:
        return Sql("= ANY (?)", (list(values),))

    def is_not_in(self, values: Sequence[Any]) -> Sql:
        return Sql("<> ALL (?)", (list(values),))

    def is_of(self, keys: Sql) -> Sql:
        """Of IN it would make a join, and look for each row whether it is among the keys."""
        return Sql(f"= ANY (ARRAY({keys.text}))", keys.parameters)

    def text_match(self, column: str, pattern: str, *, ignore_case: bool) -> Sql:
        match = text_match.ilike(pattern) if ignore_case else text_match.like(pattern)
        return match.of_text(column)

    def bytes_within(self, column: str, part: bytes) -> Sql:
        return Sql(f"position(? IN {column}) > 0", (part,))

    def bit_is_set(self, column: str, number: int) -> Sql:
        byte, bit = divmod(number, 8)
        return Sql(f"get_byte({column}, {byte} % octet_length({column})) & {0x80 >> bit} <> 0")

    def comparable(self, integers: str, number: float) -> tuple[str, int | float]:
        """One index serves both where the number is a whole one."""
        if number.is_integer() and abs(number) <= LARGEST_INT64:
            return integers, int(number)
        return f"CAST({integers} AS double precision)", number

    def indexed_text(self, column: str) -> str:
        return f"substr({column}, 1, {INDEXED_VALUE_CHARACTERS})"

    def from_index(self, table: str, index: str) -> str:
        return table  # chosen by the settings of a reading connection, which leave the indexes alone

    def by_key(self, table: str) -> str:
        return table

    def row_passes(self, rows: Sql, test: Sql) -> Sql:
        return Sql(f"(SELECT {test.text} FROM {rows.text})", test.parameters + rows.parameters)

    def any_row_passes(self, rows: Sql, test: Sql) -> Sql:
        return Sql(f"(SELECT TRUE FROM {rows.text} AND {test.text} LIMIT 1)", rows.parameters + test.parameters)

    def no_row(self, rows: Sql) -> Sql:
        return Sql(f"(SELECT TRUE FROM {rows.text}) IS NULL", rows.parameters)

    def is_in_set(self, value: str, members: Sql) -> Sql:
        """IS TRUE keeps PostgreSQL from making a join of it: the set is collected once, and hashed."""
        return Sql(f"({value} IN ({members.text} LIMIT {MAX_SET_ROWS})) IS TRUE", members.parameters)


POSTGRESQL: Final = PostgresqlDialect()


def numbered(sql: Sql) -> tuple[str, Sequence[Any]]:
    """The statement with the question marks numbered, each cast to what its parameter is, and the parameters.

    Equal parameters share a number.
    """
    numbers: dict[tuple[str, Any], int] = {}
    parameters: list[Any] = []
    first, *pieces = sql.text.split("?")
    text = [first]
    for parameter, piece in zip(sql.parameters, pieces, strict=True):
        type_name = _type_of(parameter)
        identity = (type_name, tuple(parameter) if isinstance(parameter, list) else parameter)
        if identity not in numbers:
            parameters.append(parameter)
            numbers[identity] = len(parameters)
        text.append(f"${numbers[identity]}::{type_name}{piece}")
    return "".join(text), parameters


def _type_of(parameter: Any) -> str:
    if isinstance(parameter, list):
        return f"{_type_of(parameter[0])}[]"
    return {int: "bigint", float: "float8", str: "text", bytes: "bytea"}[type(parameter)]
