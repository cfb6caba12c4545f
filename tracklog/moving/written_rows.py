"""The port through which a database of MLflow is filled."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any


class WrittenRows(ABC):
    """Takes the rows of a database whose tables are made and empty. `largest_id` is the largest
    number that it takes as an id."""

    largest_id: int

    @abstractmethod
    def longest(self, table: str) -> Mapping[str, int] | None:
        """How many characters each column of text takes that does not take any number; None where all do."""

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        """Put rows into a table, but for those whose key it has already. Returns how many it got."""

    @abstractmethod
    def number_on(self, table: str, column: str) -> None:
        """All rows are there: have the database number the next one past them, where it does so by itself."""
