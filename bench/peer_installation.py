"""Puts each peer, and the profiler, into a virtual environment of its own under bench/.peers/."""

import subprocess
import sys
from pathlib import Path

ENVIRONMENTS = Path(__file__).parent / ".peers"
INSTALL_LIMIT_S = 900


def install(name: str, *requirements: str) -> Path:
    """Folder with the programs of `requirements` (`package==version`), installed from PyPI on first use."""
    wanted = " ".join(requirements)
    environment = ENVIRONMENTS / name
    marker = environment / "installed.txt"
    if not marker.exists() or marker.read_text() != wanted:
        print(f"installing {wanted} into {environment} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True, timeout=INSTALL_LIMIT_S)
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *requirements]
        subprocess.run(pip, check=True, timeout=INSTALL_LIMIT_S)
        marker.write_text(wanted)
    return environment / "bin"
