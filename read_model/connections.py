"""The port through which the services reach the live read model in PostgreSQL."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from schemas.postgresql import Connection


class ReadModelConnections(Protocol):
    """Connections to the live read model of this code's schema version, whichever generation it is at the moment."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """A connection whose `search_path` is the newest live generation.

        Raises TemporarilyUnavailable when PostgreSQL cannot be reached within a second or two, or has no live read
        model of this version, RequestLimitExceeded when none gets free in time.
        """
        ...
