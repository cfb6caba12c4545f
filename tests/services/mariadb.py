"""MariaDB, from the system's packages: a server of MySQL's protocol, for stores of MLflow that lie in one."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.services.kept_secret import kept_secret
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceProcess
from tests.services.unprivileged import unprivileged

USER = "tracklog"


@dataclass(frozen=True, slots=True)
class MysqlDatabase:
    """`url` is of a user who may do everything in it, `reader` of one who may only SELECT."""

    url: str
    reader: str


@cache
def binary(name: str = "mariadbd") -> str:
    """One of its programs. Raises ServiceMissing."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ServiceMissing("MariaDB is not installed (Debian: mariadb-server-core and mariadb-client-core).")
    return found


class Mariadb(ServiceProcess):
    """One server, in which USER may do everything; its data goes with the machine's next crash."""

    name = "mariadb"

    @property
    def data_folder(self) -> Path:
        return self.folder / "data"

    @property
    def password(self) -> str:
        """Made at the first start."""
        return kept_secret(self.folder / "password")

    @property
    def url(self) -> str:
        """As MLflow and SQLAlchemy have it, without a database."""
        return f"mysql+pymysql://{USER}:{self.password}@{self.address}/"

    @property
    def _grants_file(self) -> Path:
        return self.folder / "grants.sql"

    def prepare(self) -> None:
        if (self.data_folder / "mysql").exists():
            return
        user = f"'{USER}'@'{HOST}'"
        self._grants_file.touch(mode=0o600)
        self._grants_file.write_text(
            f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n"
        )
        command = [*unprivileged(), binary("mariadb-install-db"), "--no-defaults", f"--datadir={self.data_folder}"]
        made = subprocess.run(
            [*command, "--skip-test-db", "--skip-name-resolve"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db: exit code {made.returncode}\n{made.stdout}")

    def command(self) -> list[str]:
        return [
            *unprivileged(),
            *(binary(), "--no-defaults", f"--datadir={self.data_folder}", f"--socket={self.folder / 'socket'}"),
            *(f"--bind-address={HOST}", f"--port={self.port}", "--skip-name-resolve"),
            *(f"--init-file={self._grants_file}", "--character-set-server=utf8mb4"),
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0"),
            *("--innodb-buffer-pool-size=64M", "--sync-frm=OFF"),
        ]

    def is_ready(self) -> bool:
        try:
            execute(self.url)
        except OperationalError:
            return False
        return True


def execute(url: str, *statements: str) -> None:
    """Run statements."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def fresh_database(server: str) -> Iterator[MysqlDatabase]:
    """An empty database on the server at this URL, dropped in the end, and its reader with it."""
    name, password = f"test_{uuid.uuid4().hex[:16]}", uuid.uuid4().hex
    execute(
        server,
        f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
        f"CREATE USER '{name}'@'%%' IDENTIFIED BY '{password}'",
        f"GRANT SELECT ON {name}.* TO '{name}'@'%%'",
    )
    url = make_url(server).set(database=name)
    reader = url.set(username=name, password=password)
    try:
        yield MysqlDatabase(*(one.render_as_string(hide_password=False) for one in (url, reader)))
    finally:
        execute(server, f"DROP DATABASE {name}", f"DROP USER '{name}'@'%%'")
