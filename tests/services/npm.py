"""Packages of Node.js, installed once for all tests."""

import shutil
import subprocess
from pathlib import Path

from tests.services.cache import cached
from tests.services.missing import ServiceMissing

INSTALL_TIMEOUT_S = 600.0


def installed(name: str, *packages: str) -> Path:
    """The folder `node_modules` with these packages, each as `package@version`; `name` is that of the set, with what
    changes when one of them does. Raises ServiceMissing."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise ServiceMissing(f"{packages[0]} needs Node.js and its npm (Debian: apt-get install npm).")

    def install(folder: Path) -> None:
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise ServiceMissing(f"npm could not install {name}: {' '.join(done.stdout.split())[-600:]}")

    return cached(name, install) / "node_modules"
