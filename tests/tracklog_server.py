"""A Tracklog server in processes of its own, for tests that speak to the whole over HTTP."""

import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services.ports import free_port

REPOSITORY = Path(__file__).resolve().parent.parent

START_TIMEOUT_S = 120.0
"""A cold start takes about a second; the rest is for a machine that is busy with other tests."""

STOP_TIMEOUT_S = 60.0
"""SIGTERM drains and exits in seconds; the rest is for a machine that is busy with other tests."""

HEALTH_PAUSE_S = 0.05
LOG_TAIL_LINES = 60


class ServerDidNotStartError(RuntimeError):
    """The process ended, or did not answer GET /ready with 200 in time; the message holds the end of its log."""


class ServerDidNotStopError(RuntimeError):
    """SIGTERM left a process of the server behind; it has been killed, and the message holds the end of its log."""


class TracklogServer:
    """One server, embedded unless `stores` say otherwise; it may be stopped, killed and started again on the same data.

    `folder` receives `data/` (the event log, the read model, the artifacts) and `server.log` (what the process printed,
    appended over restarts). The port stays the same over restarts, so that clients need not be told. `stores` are
    options and take the place of those that name the files in `data/`; what holds passwords comes by `environment`.
    With `tls` it is asked over HTTPS whether it is ready; the options that make it serve so are among `options`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        stores: Sequence[str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.data_dir = folder / "data"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_file = folder / "server.log"
        self.port = port if port is not None else free_port()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self._tls = tls
        self._options = tuple(options)
        self._stores = stores
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def event_log_file(self) -> Path:
        """The SQLite file that `--backend-store-uri` names."""
        return self.data_dir / "tracklog.db"

    @property
    def artifacts_dir(self) -> Path:
        """The folder that `--artifacts-destination` names."""
        return self.data_dir / "artifacts"

    @property
    def command(self) -> list[str]:
        """The command line that `start` runs."""
        return [
            *(sys.executable, "-m", "tracklog", "server"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *(self._stores if self._stores is not None else self._embedded_stores()),
            *self._options,
        ]

    def _embedded_stores(self) -> list[str]:
        return [
            *("--backend-store-uri", f"sqlite:///{self.event_log_file}"),
            *("--artifacts-destination", str(self.artifacts_dir)),
        ]

    @property
    def pid(self) -> int:
        """The process id of the front process; the server must have been started."""
        return self._started().pid

    @property
    def is_running(self) -> bool:
        """Whether the front process is alive."""
        return self._process is not None and self._process.poll() is None

    def spawn(self, terminal: int | None = None) -> None:
        """Start the processes without waiting for an answer, for tests of starts that must fail.

        Standard error goes to the `terminal` of this descriptor, where one is given.
        """
        if self.is_running:
            raise RuntimeError(f"the server on port {self.port} is already running")
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.data_dir.parent,
                env=self._process_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if terminal is None else terminal,
                # A group of its own lets kill() reach the worker processes too.
                start_new_session=True,
            )

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start the processes and return when GET /ready answers 200, or raise ServerDidNotStartError."""
        self.spawn()
        deadline = time.monotonic() + timeout_s
        while not self._is_ready():
            if not self.is_running:
                raise ServerDidNotStartError(f"exit code {self._started().returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerDidNotStartError(f"not ready at {self.url} in {timeout_s} s\n{self.log_tail()}")
            time.sleep(HEALTH_PAUSE_S)
        return self

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ask with SIGTERM, wait for the end of every process of the server, and return the exit code.

        Raises ServerDidNotStopError when the front process outlives `timeout_s` or leaves a worker behind.
        """
        process = self._started()
        process.terminate()
        try:
            exit_code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise ServerDidNotStopError(f"still there {timeout_s} s after SIGTERM\n{self.log_tail()}") from late
        if self._signal_group(signal.SIGKILL):
            raise ServerDidNotStopError(f"a worker outlived the front process\n{self.log_tail()}")
        return exit_code

    def kill(self) -> None:
        """End every process of the server with SIGKILL, as a crash or `kill -9` would."""
        process = self._started()
        self._signal_group(signal.SIGKILL)
        process.wait()

    def restart(self) -> Self:
        """Stop if running, and start again on the same data folder and port."""
        if self.is_running:
            self.stop()
        return self.start()

    def wait(self, timeout_s: float) -> int:
        """Wait for the front process to end by itself and return its exit code."""
        return self._started().wait(timeout_s)

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines that the server printed."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return f"--- end of {self.log_file} ---\n" + "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_running:
            self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server has not been started")
        return self._process

    def _process_environment(self) -> dict[str, str]:
        # Variables of the developer's shell must not change the server under test.
        foreign = ("MLFLOW_", "TRACKLOG_", "_MLFLOW_", "AWS_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        path = os.pathsep.join(filter(None, [str(REPOSITORY), inherited.get("PYTHONPATH")]))
        return {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **self._environment}

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5, context=self._tls) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _signal_group(self, number: signal.Signals) -> bool:
        try:
            os.killpg(self._started().pid, number)
        except ProcessLookupError:
            return False
        return True
