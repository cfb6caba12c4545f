"""The read model as the query side sees it."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from schemas.messages.artifacts import ListArtifacts
from schemas.mlflow import LARGEST_INT64, LEAST_INT64

Row = tuple[Any, ...]

MAX_PAGE_BYTES: Final = 4 * 2**20
"""Of the results on a page. One that would have more is shorter, and ends with a token; it has one result at least."""

ListArtifactsOfRun: TypeAlias = Callable[[ListArtifacts], Awaitable[bytes]]
"""From a request to list artifacts to the answer of its route, by whoever passes artifacts in the process.

Raises InvalidParameterValue, ResourceDoesNotExist.
"""

_INT64: Final = range(LEAST_INT64, LARGEST_INT64 + 1)


def is_storable_key(key: str | int) -> bool:
    """Whether a column of keys can hold it at all."""
    return isinstance(key, str) or key in _INT64


class FirstRows(NamedTuple):
    """The beginning of a statement's rows."""

    rows: list[Row]
    are_all: bool


class ReadModel(ABC):
    """The rows a projector keeps. Read only; always the newest read model, also after a rebuild took its place."""

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """What statements for it are made with."""

    @abstractmethod
    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The rows of one statement, in the dialect's own SQL and parameter style.

        Raises TemporarilyUnavailable when the read model cannot be reached, DeadlineExceeded when a statement runs
        longer than the adapter's bound, RequestLimitExceeded when too many statements wait already.
        """

    async def fetch_short(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row] | None:
        """As `fetch`, or None where an adapter saw that a value has more than MAX_PAGE_BYTES, before it was made."""
        return await self.fetch(sql, parameters)

    @abstractmethod
    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        """The first rows of a statement, whose first column is bytes: as many as MAX_PAGE_BYTES hold, at least one.

        Rows beyond those are not made, or few of them. Raises as `fetch` does.
        """

    async def lookup(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """As `fetch`, for a statement that finds a few rows by their keys: an adapter may answer it at less cost."""
        return await self.fetch(sql, parameters)

    @abstractmethod
    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        """The answer with the document that has this key, None for none. Raises as `fetch` does.

        Also for a number of more than 64 bits there is none.
        """

    def report_damage(self, why: str) -> None:  # noqa: B027
        """A value that was read is not what was written: an adapter may have the read model folded anew."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""
