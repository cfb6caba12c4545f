"""What the errors of asyncpg mean, for every module that uses PostgreSQL, and how they are described.

Every error that PostgreSQL may answer with is in one of the groups below, by the classes of SQLSTATE, or is a fault of
this program: a statement that is wrong, which tests find. Source: "PostgreSQL Error Codes", appendix A of its manual.
"""

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
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,  # a wrong password, too: InvalidPasswordError
    asyncpg.InvalidCatalogNameError,  # no such database
)
"""Connecting fails, or a connection ends. A statement under way may or may not have been carried out.

asyncpg raises InterfaceError for a closed connection, but also for too few arguments, which tests find. For a value
that it cannot send, such as a text where a number belongs, it raises DataError, as for one that PostgreSQL refuses.
"""

PASSING_ERRORS: Final = (
    asyncpg.OperatorInterventionError,  # a statement that was cancelled, by a timeout or an administrator
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock that was not available in time
    asyncpg.TransactionRollbackError,  # a deadlock, a conflict with another transaction
    asyncpg.InsufficientResourcesError,  # the disk is full, or memory
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a database that was set so
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCachedStatementError,  # a table was made anew since the statement was prepared
    asyncpg.PostgresSystemError,  # a file could not be read
    asyncpg.ConfigFileError,
    asyncpg.InternalServerError,
)
"""A statement was rolled back, and the connection can still be used. The statement may succeed later, or once an
administrator has changed something: the client gets the reason."""

DAMAGE_ERRORS: Final = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.UndefinedFileError,  # of a table
)
"""Some of what is stored is not what was written. They are PASSING_ERRORS, too, for callers that cannot repair it."""

MISSING_ERRORS: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedObjectError,  # a collation
    asyncpg.InvalidSchemaNameError,
)
"""Something that this program created is not there: it was dropped, or the database is a new one of the same name."""

UNANSWERED_ERRORS: Final = (*CONNECTION_ERRORS, *PASSING_ERRORS, *MISSING_ERRORS)
"""Everything that keeps a correct statement from being answered."""

ACCESS_REFUSALS: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,  # no right to connect to the database
    asyncpg.ClientConfigurationError,  # an argument in the URI that does not exist
    ssl.SSLCertVerificationError,
)
"""Of an attempt to connect: PostgreSQL was found and refuses it, so trying again seldom helps."""

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
            return f"{where} does not let user {user!r} into database {database!r}: {describe_error(error)}."
        case socket.gaierror():
            return f"The host of {where}, for database {database!r}, is not known: {error.strerror}."
        case TimeoutError():
            return f"{where}, for database {database!r}, does not answer."
        case OSError() if _is_refused(error):
            return f"Nothing listens at {server}, where PostgreSQL should be, for database {database!r}."
        case _:
            return f"{where} cannot be reached, for database {database!r}: {describe_error(error)}"


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
    """Whether nothing listens there. When several addresses were tried in turn, only the text shows it."""
    return error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error)


def describe_error(error: BaseException) -> str:
    """The text of an error, or its name if it has none. Never holds a password: asyncpg puts none in it."""
    return str(error) or type(error).__name__
