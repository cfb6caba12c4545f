"""How a connection to PostgreSQL that cannot be had is told: what is wrong, which server, which database."""

import socket
import ssl

import asyncpg
import pytest

from schemas.postgresql_errors import ACCESS_REFUSALS, cannot_connect
from tests.services.process import HOST, free_port

DSN = "postgresql://ann:s3cret@db.example:6543/runs?password=s3cret"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            asyncpg.InvalidPasswordError('password authentication failed for user "ann"'),
            "PostgreSQL at db.example:6543 refuses the password of user 'ann', for database 'runs'.",
        ),
        (
            asyncpg.InvalidCatalogNameError('database "runs" does not exist'),
            "PostgreSQL at db.example:6543 has no database 'runs'.",
        ),
        (
            asyncpg.InvalidAuthorizationSpecificationError("no entry in pg_hba.conf"),
            "PostgreSQL at db.example:6543 does not let user 'ann' into database 'runs': no entry in pg_hba.conf.",
        ),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "The host of PostgreSQL at db.example:6543, for database 'runs', is not known: Name or service not known.",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "Nothing listens at db.example:6543, where PostgreSQL should be, for database 'runs'.",
        ),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect call failed"),
            "Nothing listens at db.example:6543, where PostgreSQL should be, for database 'runs'.",
        ),
        (TimeoutError(), "PostgreSQL at db.example:6543, for database 'runs', does not answer."),
        (
            asyncpg.CannotConnectNowError("the database system is starting up"),
            "PostgreSQL at db.example:6543 cannot be reached, for database 'runs': the database system is starting up",
        ),
    ],
)
def test_each_reason_is_told_apart(error: Exception, told: str) -> None:
    assert cannot_connect(DSN, error) == told


@pytest.mark.parametrize(
    ("dsn", "server"),
    [
        ("postgresql:///runs", "localhost:5432"),
        ("postgresql:///runs?host=/run/postgresql", "/run/postgresql"),
        ("postgresql://ann@[::1]/runs", "[::1]:5432"),
        ("postgresql://a:1,b:2/runs", "a:1,b:2"),
        ("postgresql://a?port=7", "a:7"),
    ],
)
def test_the_server_is_the_one_that_is_asked(dsn: str, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    assert f"PostgreSQL at {server}," in cannot_connect(dsn, TimeoutError())


def test_what_a_password_or_a_certificate_decides_is_no_outage() -> None:
    assert issubclass(asyncpg.InvalidPasswordError, ACCESS_REFUSALS)
    assert issubclass(ssl.SSLCertVerificationError, ACCESS_REFUSALS)
    assert not issubclass(ConnectionRefusedError, ACCESS_REFUSALS)
    assert not issubclass(asyncpg.TooManyConnectionsError, ACCESS_REFUSALS)


async def test_a_port_without_a_server_and_a_name_without_a_host_are_told_apart() -> None:
    told = {}
    for name, address in {"port": f"{HOST}:{free_port()}", "host": "no-such-host.invalid:5432"}.items():
        dsn = f"postgresql://ann:s3cret@{address}/runs"
        with pytest.raises(OSError) as failed:
            await asyncpg.connect(dsn, timeout=10)
        told[name] = cannot_connect(dsn, failed.value)
        assert "s3cret" not in told[name]
    assert told["port"].startswith("Nothing listens at")
    assert told["host"].startswith("The host of PostgreSQL")
