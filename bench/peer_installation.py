"""Puts each peer, and the profiler, into a virtual environment of its own under bench/.peers/."""

import subprocess
import sys
from pathlib import Path

ENVIRONMENTS = Path(__file__).parent / ".peers"
INSTALL_LIMIT_S = 900


def install(name: str, requirement: str) -> Path:
    """Folder with the programs of `requirement` (`package==version`), installed from PyPI on first use."""
    environment = ENVIRONMENTS / name
    marker = environment / "installed.txt"
    if not marker.exists() or marker.read_text() != requirement:
        print(f"installing {requirement} into {environment} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True, timeout=INSTALL_LIMIT_S)
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", requirement]
        subprocess.run(pip, check=True, timeout=INSTALL_LIMIT_S)
        marker.write_text(requirement)
    return environment / "bin"
