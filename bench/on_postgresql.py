"""Starts a PostgreSQL, then a server on it: `python -m bench.on_postgresql FOLDER COMMAND…`, `{url}` standing for it.

Both end with this process, which is what the bench measures and stops.
"""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg

from tests.services.postgresql import Postgresql, execute

DATABASE = "tracking"


def main(folder: Path, command: list[str]) -> int:
    """Run `command` until it ends or a signal says to stop; its exit code."""
    with Postgresql(folder / "postgresql") as postgresql:
        url = postgresql.url_of(DATABASE)
        with suppress(asyncpg.DuplicateDatabaseError):  # of a folder that was filled before
            execute(postgresql.url, f"CREATE DATABASE {DATABASE}")
        server = subprocess.Popen([word.replace("{url}", url) for word in command], cwd=folder)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: server.terminate())
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
