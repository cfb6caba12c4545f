"""nginx, from the system."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import READY_PAUSE_S, START_TIMEOUT_S, ServiceDidNotStartError, ServiceProcess
from tests.services.process_tree import descendants

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where packages put it, and where a user's PATH may not look."""


def binary() -> str:
    """The program. Raises ServiceMissing."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS]))
    if found is None:
        raise ServiceMissing("nginx is missing: install your system's package (Debian: apt-get install nginx-light).")
    return found


class Nginx(ServiceProcess):
    """One nginx; `configuration` makes the text of its nginx.conf, given the address to listen on and its folder."""

    name = "nginx"
    stop_signal = signal.SIGQUIT  # requests under way are answered

    def __init__(self, folder: Path, configuration: Callable[[str, Path], str], *, port: int | None = None) -> None:
        super().__init__(folder, port=port)
        self._configuration = configuration

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def configuration_file(self) -> Path:
        return self.folder / "nginx.conf"

    def prepare(self) -> None:
        self.configuration_file.write_text(self._configuration(self.address, self.folder))

    def command(self) -> list[str]:
        files = ["-p", str(self.folder), "-c", str(self.configuration_file), "-e", "stderr"]
        return [binary(), *files, "-g", "daemon off;"]

    def reload(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Have it read its configuration anew, and return when no new request is answered by the old one."""
        self.prepare()
        old = descendants(self.pid)
        os.kill(self.pid, signal.SIGHUP)
        deadline = time.monotonic() + timeout_s
        while not set(descendants(self.pid)) - set(old) or any(map(_takes_requests, old)):
            if time.monotonic() > deadline:
                raise ServiceDidNotStartError(f"nginx: not reloaded after {timeout_s} s\n{self.log_tail()}")
            time.sleep(READY_PAUSE_S)

    def is_ready(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=5).close()
        except OSError:
            return False
        return True


def _takes_requests(worker: int) -> bool:
    """Whether a worker is neither gone nor only answering what is under way, which it says in its title."""
    try:
        title = Path(f"/proc/{worker}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(title) and b"shutting down" not in title


def worker_user() -> str | None:
    """Whom nginx's workers are to run as: root's own files may be out of the reach of others."""
    return "root" if os.geteuid() == 0 else None
