"""Which errors of asyncpg mean that PostgreSQL is away, for all that talks to it, and how they are told."""

import errno
import os
import re
import socket
import ssl
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

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


ACCESS_REFUSALS: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,  # no right to connect to the database
    asyncpg.ClientConfigurationError,  # an argument in the URI that is none
    ssl.SSLCertVerificationError,
)
"""Of a connection that is attempted: PostgreSQL was found and there is no way in, so trying again seldom helps."""

CONNECT_ERRORS: Final = (*CONNECTION_ERRORS, *ACCESS_REFUSALS)
"""What an attempt to connect may raise."""


def cannot_connect(dsn: str, error: BaseException) -> str:
    """Why there is no connection to the database `dsn`, as a sentence that names it and never a password."""
    server, database, user = _named(dsn)
    where = f"PostgreSQL at {server}"
    match error:
        case asyncpg.InvalidPasswordError():
            return f"{where} refuses the password of user {user!r}, for database {database!r}."
        case asyncpg.InvalidCatalogNameError():
            return f"{where} has no database {database!r}."
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InsufficientPrivilegeError():
            return f"{where} does not let user {user!r} into database {database!r}: {said(error)}."
        case socket.gaierror():
            return f"The host of {where}, for database {database!r}, is not known: {error.strerror}."
        case TimeoutError():
            return f"{where}, for database {database!r}, does not answer."
        case OSError() if _is_refused(error):
            return f"Nothing listens at {server}, where PostgreSQL should be, for database {database!r}."
        case _:
            return f"{where} cannot be reached, for database {database!r}: {said(error)}"


def _named(dsn: str) -> tuple[str, str, str]:
    """The addresses, the database and the user that `dsn` and the environment name, as libpq reads them."""
    parts = urlsplit(dsn)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    account, _, server = parts.netloc.rpartition("@")
    server = server or query.get("host") or os.environ.get("PGHOST") or "localhost"
    if not re.search(r":\d+$|^/|,", server):
        server = f"{server}:{query.get('port') or os.environ.get('PGPORT') or 5432}"
    user = unquote(account.partition(":")[0]) or query.get("user") or os.environ.get("PGUSER") or ""
    return server, unquote(parts.path[1:]), user


def _is_refused(error: OSError) -> bool:
    """Whether nobody listens there. Of several addresses that were tried in turn only the text tells."""
    return error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error)


def said(error: BaseException) -> str:
    """What an error says; for those that say nothing, its name. Never holds a password: asyncpg puts none in it."""
    return str(error) or type(error).__name__
