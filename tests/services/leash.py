"""Ends services whose test run is gone: `python -m tests.services.leash`, started by the first service.

It reads lines `+PID` and `-PID` from its standard input. When that ends, because the test run ended however it did, the
processes that were not taken off the leash are killed with all they started.
"""

import atexit
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from threading import Lock

from tests.services.process_tree import kill_tree

_LOCK = Lock()
"""Services may be started by several threads, and there is to be one leash."""

REPOSITORY = Path(__file__).resolve().parents[2]


def hold(pid: int) -> None:
    """Have the process killed when this one is gone."""
    _tell(f"+{pid}\n")


def release(pid: int) -> None:
    """The process has ended; its id may come to belong to another."""
    _tell(f"-{pid}\n")


def _tell(line: str) -> None:
    with _LOCK:
        pipe = _leash().stdin
        assert pipe is not None, "it was opened with a pipe"
        pipe.write(line.encode())
        pipe.flush()


@cache
def _leash() -> subprocess.Popen[bytes]:
    leash = subprocess.Popen(
        [sys.executable, "-m", "tests.services.leash"], cwd=REPOSITORY, stdin=subprocess.PIPE, start_new_session=True
    )
    atexit.register(leash.communicate)  # which closes the pipe, and waits until what was held is gone
    return leash


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    held: set[int] = set()
    for line in sys.stdin:
        (held.add if line[0] == "+" else held.discard)(int(line[1:]))
    for pid in held:
        kill_tree(pid)


if __name__ == "__main__":
    main()
