"""PostgreSQL with a streaming replica that takes its place, at one address."""

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import asyncpg

from tests.services.ports import HOST
from tests.services.postgresql import SUPERUSER, Postgresql, binaries, execute, run_apart
from tests.services.process import LOG_TAIL_LINES
from tests.services.tcp_forwarder import TcpForwarder
from tests.services.unprivileged import unprivileged

REPLICATES_WITHIN_S: Final = 60.0
LOOK_PAUSE_S: Final = 0.1


class PostgresqlPair:
    """A primary and its replica as one service. `url` stays over a failover.

    `synchronous`: a commit is answered when both have flushed it, where the session asks for that.
    """

    name = "postgresql"

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self.folder = folder
        self._synchronous = synchronous
        self._clusters = 0
        self.primary = self._new_cluster()
        self.replica: Postgresql | None = None
        self._address = TcpForwarder(self.primary.port)

    @property
    def url(self) -> str:
        """The superuser's URL of the database that is always there."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The superuser's URL of a database, whoever is the primary."""
        return f"postgresql://{SUPERUSER}:{quote(self.primary.password)}@{self.address}/{database}"

    @property
    def address(self) -> str:
        """host:port, whoever is the primary."""
        return f"{HOST}:{self._address.port}"

    @property
    def is_running(self) -> bool:
        return self.primary.is_running

    def start(self) -> Self:
        """Start the primary, and make a replica of it. Raises ServiceMissing, ServiceDidNotStartError."""
        self.primary.start()
        self.replicate()
        return self

    def fail_over(self) -> None:
        """Kill the primary without a word, and let the replica take its place."""
        self.primary.kill()
        self.promote()

    def promote(self) -> None:
        """Let the replica take the place of a primary that is gone, alone at first."""
        assert self.replica is not None
        execute(self.replica.url, "SELECT pg_promote(true, 60)")
        self.primary, self.replica = self.replica, None
        self._address.point_at(self.primary.port)

    def replicate(self) -> None:
        """Make a replica of the primary, and return when it streams."""
        replica = self._new_cluster()
        shutil.copy(self.primary.folder / "password", replica.folder / "password")
        source = f"{self.primary.url}?application_name=replica"
        command = [
            *unprivileged(),
            *(str(binaries() / "pg_basebackup"), "--dbname", source, "--pgdata", str(replica.data_folder)),
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"),
        ]
        copied = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if copied.returncode:
            raise RuntimeError(f"pg_basebackup: exit code {copied.returncode}\n{copied.stdout}{copied.stderr}")
        self.replica = replica.start()
        if self._synchronous:
            execute(self.primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        self._wait_until_replicated()

    def stop(self) -> None:
        """Stop the primary, which first sends all it has, then the replica."""
        for cluster in self._running:
            cluster.stop()

    def kill(self) -> None:
        for cluster in self._running:
            cluster.kill()

    def discard(self) -> None:
        self.kill()
        self._address.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        return "\n".join(cluster.log_tail(lines) for cluster in (self.primary, self.replica) if cluster is not None)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def _running(self) -> list[Postgresql]:
        return [one for one in (self.primary, self.replica) if one is not None and one.is_running]

    def _new_cluster(self) -> Postgresql:
        self._clusters += 1
        return Postgresql(self.folder / f"cluster-{self._clusters}")

    def _wait_until_replicated(self) -> None:
        wanted = "sync" if self._synchronous else "async"
        deadline = time.monotonic() + REPLICATES_WITHIN_S
        while wanted not in (states := self._states()):
            assert time.monotonic() < deadline, f"the replica is {states}, not {wanted}\n{self.log_tail()}"
            time.sleep(LOOK_PAUSE_S)

    def _states(self) -> list[str]:
        found: list[str] = []

        async def ask() -> None:
            connection = await asyncpg.connect(self.primary.url, timeout=30)
            try:
                rows = await connection.fetch("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
                found.extend(row[0] for row in rows)
            finally:
                await connection.close()

        run_apart(ask())
        return found
