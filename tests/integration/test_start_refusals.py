"""What keeps a process on shared stores from starting is told in a sentence, by what is wrong, and not for ever."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from event_log.port import LogAccessRefused
from event_log.postgresql.event_log import open_postgresql_log
from tests.services.given import GivenPostgresql
from tests.services.ports import HOST, free_port
from tests.services.postgresql import Postgresql, execute

AT_ONCE = """
from tracklog.distributed import availability
availability.REFUSED_S = availability.AWAY_S = 0.0
from tracklog.__main__ import main
main()
"""
"""`tracklog`, that does not wait for anything."""


def refused(folder: Path, command: str, uri: str) -> str:
    """What the process says that does not start."""
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, command, "--port", "0", "--backend-store-uri", uri],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def with_password(uri: str, password: str) -> str:
    parts = urlsplit(uri)
    user, server = str(parts.username), parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{server}"))


@pytest.mark.parametrize("command", ["server", "ingest", "query", "projector"])
def test_a_wrong_password_is_told_by_server_user_and_database(
    postgresql_database: str, tmp_path: Path, command: str
) -> None:
    said = refused(tmp_path, command, with_password(postgresql_database, "wr0ng"))
    parts = urlsplit(postgresql_database)
    assert f"PostgreSQL at {parts.netloc.rpartition('@')[2]} refuses the password of user '{parts.username}'" in said
    assert f"database '{parts.path[1:]}'" in said
    assert "wr0ng" not in said


def test_an_unknown_database_is_told(postgresql_service: Postgresql | GivenPostgresql, tmp_path: Path) -> None:
    assert "has no database 'n0ne'" in refused(tmp_path, "server", postgresql_service.url_of("n0ne"))


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = refused(tmp_path, "server", f"postgresql://ann:s3cret@{HOST}:{(port := free_port())}/runs")
    assert f"Nothing listens at {HOST}:{port}" in said
    assert "s3cret" not in said


async def test_a_user_without_the_right_to_connect_is_told(
    postgresql_service: Postgresql | GivenPostgresql, postgresql_database: str
) -> None:
    database = urlsplit(postgresql_database).path[1:]
    role = f"role_{database}"
    execute(
        postgresql_service.url,
        f"CREATE ROLE {role} LOGIN PASSWORD 'pa55'",
        f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",
    )
    try:
        server = urlsplit(postgresql_database).netloc.rpartition("@")[2]
        with pytest.raises(LogAccessRefused, match=database):
            await open_postgresql_log(f"postgresql://{role}:pa55@{server}/{database}")
    finally:
        execute(postgresql_service.url, f"DROP ROLE {role}")
