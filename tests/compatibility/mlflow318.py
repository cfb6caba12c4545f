"""The client of MLflow 3.18, while its parts cannot be installed together: the wheel alone, before the rest of 3.17.

`mlflow` 3.18.0 holds all of the code, and runs on what 3.17 depends on; `mlflow-skinny` and `mlflow-tracing` 3.18.0,
which it asks for, are not published. So it lies in a folder of its own, and goes before the installed one on the path.

`python -m tests.compatibility.mlflow318` prints that folder: `make compatibility-318` runs whole suites with it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

REQUIREMENT: Final = "mlflow==3.18.0"
FOLDER: Final = Path(__file__).resolve().parents[2] / ".venv-mlflow318"
INSTALL_TIMEOUT_S: Final = 240


def installed() -> Path:
    """The folder that MLflow 3.18 lies in, filled at the first use.

    Raises OSError or subprocess.SubprocessError where the wheel cannot be had.
    """
    ready = FOLDER / "ready"
    if not ready.exists() or ready.read_text() != REQUIREMENT:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(FOLDER)]
        subprocess.run([*command, REQUIREMENT], check=True, stdout=sys.stderr, timeout=INSTALL_TIMEOUT_S)
        ready.write_text(REQUIREMENT)
    return FOLDER


def mlflow318() -> Mapping[str, str]:
    """The variables that make a Python process of this environment use MLflow 3.18.

    Skips the test, or fails it in continuous integration, where the wheel cannot be had.
    """
    try:
        return {"PYTHONPATH": str(installed())}
    except (OSError, subprocess.SubprocessError) as failure:
        reason = f"{REQUIREMENT} could not be installed into {FOLDER}: {failure}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


if __name__ == "__main__":
    sys.stdout.write(f"{installed()}\n")
