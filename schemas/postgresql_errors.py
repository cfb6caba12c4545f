"""Which errors of asyncpg mean that PostgreSQL is away, for all that talks to it."""

from typing import Final

import asyncpg

CONNECTION_ERRORS: Final = (
    OSError,  # refused, reset, no such host, a broken TLS handshake; TimeoutError is one too
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,  # it starts up or shuts down
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,  # a wrong password, too: InvalidPasswordError
    asyncpg.InvalidCatalogNameError,  # no such database
)
"""Connecting fails, or a connection ends. A statement under way may or may not have been carried out.

asyncpg says by InterfaceError that a connection is closed, but also that arguments are too few, which tests find. What
it cannot send, such as a text where a number belongs, is asyncpg.DataError, as what PostgreSQL cannot take.
"""


def said(error: BaseException) -> str:
    """What an error says; for those that say nothing, its name. Never holds a password: asyncpg puts none in it."""
    return str(error) or type(error).__name__
