"""From the errors of a store's library to those of the port, by one table for each library."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
import orjson

from artifact_proxy.stores.blob_store import StoreFull, StoreRefused, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Meaning:
    """The error to raise instead. In `message`, {} is the name of the library's error, or the code of an answer.

    Nothing else of the library's error is shown: it may hold the store's address, or credentials.
    """

    error: Callable[[str], Exception]
    message: str = ""

    def raised(self, name: str) -> Exception:
        return self.error(self.message.format(name))


ErrorTable = Mapping[type[Exception], Meaning]
"""From a class of errors; of several classes of one error the nearest counts."""

AWAY: Final = Meaning(StoreUnavailable, "The artifact store cannot be reached, or did not answer in time ({}).")
DENIED: Final = Meaning(StoreRefused, "The artifact store does not let this server do it ({}).")
FULL: Final = Meaning(StoreFull, "The artifact store has no room.")

ANSWERED_DENIED: Final = Meaning(StoreRefused, "The artifact store answered {}.")
ANSWERED_AWAY: Final = Meaning(StoreUnavailable, "The artifact store answered {}.")

HTTP_ERRORS: Final[ErrorTable] = {aiohttp.ClientError: AWAY, OSError: AWAY, orjson.JSONDecodeError: AWAY}
"""Of aiohttp, and of an answer that is not JSON. asyncio's TimeoutError is an OSError."""


@contextmanager
def mapped(table: ErrorTable) -> Iterator[None]:
    """Raise what `table` says for a library's errors, cause kept; any other error is raised as it is."""
    try:
        yield
    except tuple(table) as error:
        raise meaning_of(error, table) from error


def meaning_of(error: Exception, table: ErrorTable) -> Exception:
    """What to raise for an error that the table has."""
    kind = next(kind for kind in type(error).__mro__ if kind in table)
    return table[kind].raised(type(error).__name__)
