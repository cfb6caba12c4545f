"""What differs between the SQL of the databases that a read model may be in."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from query_api.documents import DocumentCompiler
from query_api.filter.sql import Sql


class Dialect(ABC):
    """One database's SQL. There is one object for each; none has state."""

    name: ClassVar[str]
    """'sqlite' or 'postgresql'."""
    documents: ClassVar[DocumentCompiler]
    """Makes SQL of the JSON of documents."""
    indexed_characters: ClassVar[int | None]
    """How many characters of a text its index by value holds, None for all."""
    set_of: ClassVar[str]
    """What begins a subquery that gives a set: 'SELECT', or 'SELECT DISTINCT' where a set may be joined."""
    apart: ClassVar[str]
    """What ends a subquery that is carried out by itself, and not as what is around it would have it."""
    keeps_order: ClassVar[bool]
    """Whether the rows of a materialized table come in its order."""

    # --- whole statements ---

    @abstractmethod
    def statement(self, text: str) -> str:
        """A statement that is written once for every database, as `read_model.sqlite_statements` says."""

    @abstractmethod
    def listed(self, values: Sequence[Any]) -> Any:
        """A list as a parameter of `statement`."""

    @abstractmethod
    def assembled(self, sql: Sql) -> tuple[str, Sequence[Any]]:
        """A statement that was put together from the pieces below, and its parameters, as the read model takes them."""

    # --- pieces of statements ---

    @abstractmethod
    def is_in(self, values: Sequence[Any]) -> Sql:
        """The comparison, to follow a column, with any of the values."""

    @abstractmethod
    def is_not_in(self, values: Sequence[Any]) -> Sql:
        """The comparison, to follow a column, with none of the values."""

    @abstractmethod
    def is_of(self, keys: Sql) -> Sql:
        """The comparison, to follow a column with an index, with what a statement finds, which is carried out once."""

    @abstractmethod
    def text_match(self, column: str, pattern: str, *, ignore_case: bool) -> Sql:
        """LIKE, or with `ignore_case` ILIKE, with the wildcards % and _: Unicode, backslash an ordinary character."""

    @abstractmethod
    def bytes_within(self, column: str, part: bytes) -> Sql:
        """Whether a column of bytes holds these somewhere."""

    @abstractmethod
    def bit_is_set(self, column: str, number: int) -> Sql:
        """Whether a bit of a column of bytes is set, counted from the highest of the first, and on from there again."""

    @abstractmethod
    def comparable(self, integers: str, number: float) -> tuple[str, int | float]:
        """A column of integers and a number as they are compared exactly, by the column's index if possible."""

    @abstractmethod
    def indexed_text(self, column: str) -> str:
        """A column of text as its index by value has it: ordered as the whole text, though perhaps not as finely."""

    @abstractmethod
    def from_index(self, table: str, index: str) -> str:
        """The table in FROM, to be read by this index."""

    @abstractmethod
    def by_key(self, table: str) -> str:
        """The table in FROM, whose rows are to be found by their key, which is compared with what a statement finds."""

    @abstractmethod
    def row_passes(self, rows: Sql, test: Sql) -> Sql:
        """Whether there is a row and it passes the test. `rows`: a table, WHERE, and a condition that one row meets."""

    @abstractmethod
    def any_row_passes(self, rows: Sql, test: Sql) -> Sql:
        """Whether one of the rows passes the test. `rows`: a table, WHERE, and a condition."""

    @abstractmethod
    def no_row(self, rows: Sql) -> Sql:
        """Whether there is no row. `rows`: a table, WHERE, and a condition that one row meets at most."""

    @abstractmethod
    def is_in_set(self, value: str, members: Sql) -> Sql:
        """Whether the value is one of those that a subquery gives, which are collected once."""
