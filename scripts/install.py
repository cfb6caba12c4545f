"""`python -m scripts.install LOCK_FILE`: install what a lock file names into this environment, and show how far it is.

pip's own progress is either silent or a page of text, and neither tells how much is left.
"""

import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

EVERY_S = 3.0
"""A line so often: in the log of a container as well as on a terminal."""

STILL_S = 10.0
"""After so long without a line whoever waits is told that it goes on."""

TAIL_LINES = 20


class Progress:
    """What pip's lines say of how far it is, told now and again. `waited` is called now and again beside `heard`."""

    def __init__(self, packages: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._packages = packages
        self._say = say
        self._clock = clock
        self._found = 0
        self._at = "looking"
        self._began_s = self._said_s = clock()

    def heard(self, line: str) -> None:
        """One line of pip's."""
        if line.startswith("Collecting "):
            self._found += 1
            name = re.split(r"[=<>!~;\[ ]", line.removeprefix("Collecting "))[0]
            self._at = f"{self._found} of {self._packages} packages, {name}"
            self._tell(EVERY_S, f"  {self._at}")
        elif line.startswith("Installing collected packages"):
            self._at = f"unpacking {line.count(',') + 1} packages"
            self._tell(0.0, f"  {self._at}")

    def waited(self) -> None:
        """Nothing was heard for a moment."""
        self._tell(STILL_S, f"  still at it after {self._clock() - self._began_s:.0f} s: {self._at}")

    def _tell(self, silence_s: float, text: str) -> None:
        now_s = self._clock()
        if now_s - self._said_s >= silence_s:
            self._said_s = now_s
            self._say(text)


def main(lock_file: str) -> int:
    packages = named_in(Path(lock_file).read_text().splitlines())
    say(f"Installing the {packages} packages of {lock_file} (what pip has not kept from before is downloaded):")
    began_s = time.monotonic()
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--require-hashes", "-r", lock_file]
    progress = Progress(packages, say)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    done = threading.Event()

    def wait() -> None:
        while not done.wait(1.0):
            progress.waited()

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        threading.Thread(target=wait, daemon=True).start()
        for line in pip.stdout:
            tail.append(line)
            progress.heard(line)
    done.set()
    if pip.returncode:
        say("pip could not do it. The end of what it said:\n" + "".join(tail))
    else:
        say(f"  done in {time.monotonic() - began_s:.0f} s")
    return pip.returncode


def named_in(lines: Iterable[str]) -> int:
    """How many packages a lock file names."""
    return sum(re.match(r"[A-Za-z0-9._-]+(\[.*\])?==", line) is not None for line in lines)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
