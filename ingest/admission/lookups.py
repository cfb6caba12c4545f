"""What commands ask the read model, as values, and the port they are asked through.

The read model may be behind the log; a command that needs more waits for the projection first. What is found is never
too new: everything acknowledged after a verdict is in it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Parameter = str | int | list[str]


class Row(Protocol):
    """A row as any driver gives it."""

    def __getitem__(self, column: int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Generic[T_co]):
    """A question that is a probe of a primary key or a unique index, and what a row of its answer means.

    `statement` is written for PostgreSQL and serves both databases, as `read_model.sqlite_statements` says.
    """

    statement: str
    row: Callable[[Row], T_co]


class Lookups(ABC):
    """Answers lookups from the live read model.

    Text with a NUL is nowhere. Raises TemporarilyUnavailable when the read model cannot be reached.
    """

    @abstractmethod
    async def one(self, lookup: Lookup[T], *parameters: Parameter) -> T | None:
        """What the first row of the answer means, None when there is no row."""

    @abstractmethod
    async def all(self, lookup: Lookup[T], *parameters: Parameter) -> list[T]:
        """What every row means, in the order of the statement."""
