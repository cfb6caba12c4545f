"""What differs between the databases that a read model may be in, for those who make statements for it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy

from query_api.documents import DocumentCompiler
from query_api.filter.sql import Sql


class TextMatch(Protocol):
    """A pattern of LIKE or ILIKE, as a test of a text: Unicode, backslash an ordinary character."""

    def of_text(self, column: str) -> Sql:
        """The test of a column, with a question mark for its parameter."""

    def of_column(self, column: sqlalchemy.ColumnElement[Any]) -> sqlalchemy.ColumnElement[bool]:
        """The test of a column, for statements in SQLAlchemy Core."""


class Dialect(ABC):
    """One database's SQL. There is one object for each; none has state."""

    @property
    @abstractmethod
    def name(self) -> str:
        """'sqlite' or 'postgresql'."""

    @property
    @abstractmethod
    def documents(self) -> DocumentCompiler:
        """Makes SQL of the JSON of documents."""

    @property
    @abstractmethod
    def core(self) -> sqlalchemy.Dialect:
        """What SQLAlchemy Core compiles statements with."""

    @abstractmethod
    def text_match(self, pattern: str, *, ignore_case: bool) -> TextMatch:
        """LIKE, or with `ignore_case` ILIKE, with the wildcards % and _."""

    @abstractmethod
    def statement(self, text: str) -> str:
        """A statement that is written once for every database: parameters are `$1`, `$2`, …, and `{in_2}` stands for
        "is in the list that is parameter 2".
        """

    @abstractmethod
    def listed(self, values: Sequence[Any]) -> Any:
        """A list as a parameter of `statement`."""
