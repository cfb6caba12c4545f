"""A service in a process of its own: started, watched until it is ready, stopped, killed, suspended, started again."""

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from scripts.port_is_free import listeners
from tests.services import leash
from tests.services.ports import HOST, free_port
from tests.services.process_tree import descendants, kill_tree, parent_of, resume_tree, suspend_tree

START_TIMEOUT_S = 120.0
"""The slowest is up in four seconds; the rest is for a machine that is busy with other tests."""

STOP_TIMEOUT_S = 30.0
READY_PAUSE_S = 0.05
LOG_TAIL_LINES = 60


class ServiceDidNotStartError(RuntimeError):
    """The process ended, or was not ready in time; the message holds the end of its log."""


class ServiceDidNotStopError(RuntimeError):
    """The process outlived its signal; it has been killed, and the message holds the end of its log."""


class ServiceProcess(ABC):
    """One service on one folder and port, which stay the same over restarts.

    `folder` receives the service's data and `<name>.log`, what it printed, appended over restarts. The process does not
    outlive the one that started it.
    """

    name: str
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.log_file = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line to run."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers, asked again and again after its start."""

    def is_the_one_that_listens(self) -> bool:
        """Whether it is this process that has the port, and not one that was there before: that would be ready too."""
        found = listeners(self.port)
        return not found or bool({self.pid, *descendants(self.pid)} & set(found))

    def prepare(self) -> None:  # noqa: B027
        """Make whatever must be there before a start; nothing unless a service says otherwise."""

    def environment(self) -> Mapping[str, str]:
        """Variables to set beside those inherited."""
        return {}

    def inherited_environment(self) -> Mapping[str, str]:
        """Variables of this process that the service may see."""
        return os.environ

    @property
    def address(self) -> str:
        """host:port."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id; it must have been started."""
        return self._started().pid

    @property
    def is_running(self) -> bool:
        """Whether the process is alive, suspended or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs."""
        return self._started().poll()

    def spawn(self) -> None:
        """Start the process without waiting until it is ready."""
        if self.is_running:
            raise RuntimeError(f"{self.name} on port {self.port} is already running")
        self.prepare()
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env={**self.inherited_environment(), **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Not in the terminal's group: Ctrl-C is for whoever started it, who then stops things in order.
                start_new_session=True,
            )
        leash.hold(self._process.pid)

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start the process and return when it is ready, or raise ServiceDidNotStartError."""
        self.spawn()
        self.wait_until_ready(timeout_s)
        return self

    def wait_until_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when it is ready; otherwise kill it and raise ServiceDidNotStartError."""
        deadline = time.monotonic() + timeout_s
        while not (self.is_ready() and self.is_the_one_that_listens()):
            if not self.is_running:
                self._ended()
                raise ServiceDidNotStartError(f"{self.name}: exit code {self.exit_code}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceDidNotStartError(f"{self.name}: not ready after {timeout_s} s\n{self.log_tail()}")
            time.sleep(READY_PAUSE_S)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ask it to end, wait for that, and return the exit code. Raises ServiceDidNotStopError."""
        process = self._started()
        process.send_signal(self.stop_signal)
        process.send_signal(signal.SIGCONT)
        try:
            exit_code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise ServiceDidNotStopError(
                f"{self.name}: there {timeout_s} s after the signal\n{self.log_tail()}"
            ) from late
        self._ended()
        return exit_code

    def kill(self) -> None:
        """SIGKILL to every process of it at once, suspended or not, and wait until they are gone."""
        process = self._started()
        killed = kill_tree(process.pid) if process.poll() is None else []
        process.wait()
        while any(parent_of(pid) is not None for pid in killed):
            time.sleep(READY_PAUSE_S / 10)
        self._ended()

    def suspend(self) -> None:
        """SIGSTOP to every process of it: connections stay open and nobody answers."""
        suspend_tree(self.pid)

    def resume(self) -> None:
        """SIGCONT after `suspend`."""
        resume_tree(self.pid)

    def restart(self) -> Self:
        """Stop if running, and start again on the same data and port."""
        if self.is_running:
            self.stop()
        return self.start()

    def discard(self) -> None:
        """Kill it and remove its folder, for services whose data nobody wants any more."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines that it printed."""
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
            raise RuntimeError(f"{self.name} has not been started")
        return self._process

    def _ended(self) -> None:
        leash.release(self.pid)
