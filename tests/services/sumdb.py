"""The verifier of another hand: Go's `golang.org/x/mod/sumdb`, in a program of a few lines."""

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tests.services.cache import cached
from tests.services.command import run_to_make
from tests.services.go import BUILD_TIMEOUT_S, go

SOURCE: Final = Path(__file__).resolve().parents[1] / "sumdb"
FILES: Final = ("main.go", "go.mod", "go.sum")


def binary() -> Path:
    """The program, built once. Raises ServiceMissing."""
    digest = sha256(b"".join((SOURCE / name).read_bytes() for name in FILES)).hexdigest()[:12]
    return cached(f"sumdb-{digest}", _build) / "sumdb"


def _build(folder: Path) -> None:
    source = folder / "source"
    shutil.copytree(SOURCE, source)
    run_to_make(
        [go(), "build", "-C", str(source), "-trimpath", "-o", str(folder / "sumdb"), "."],
        "Go could not build the verifier of golang.org/x/mod. Go said",
        BUILD_TIMEOUT_S,
        {"CGO_ENABLED": "0"},
    )


def said(program: Path, case: dict[str, Any]) -> tuple[int, str]:
    """Its exit code for a key, a note and what is to be under it, and what it printed."""
    done = subprocess.run([program], input=json.dumps(case), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout or done.stderr
