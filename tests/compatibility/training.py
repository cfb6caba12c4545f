"""Runs training scripts as a person would: a Python process of its own whose environment names the server."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent / "scripts"
SCRIPT_TIMEOUT_S = 240

CLIENT_ENVIRONMENT = {
    # Without retries a 5xx answer fails the test at once and no write is repeated behind its back.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}

NOWHERE = "http://127.0.0.1:9"
"""The tracking URI of whoever was given none: a test that falls back on the global one fails at once."""


class ScriptFailedError(AssertionError):
    """A client script ended with another exit code than 0; the message holds what it printed."""


def run_script(
    name: str,
    server_url: str,
    *arguments: str,
    python: str = sys.executable,
    environment: Mapping[str, str] = CLIENT_ENVIRONMENT,
) -> Any:
    """Run `scripts/<name>` against the server and return the JSON of the last line that it printed.

    The tracking URI reaches the script by MLFLOW_TRACKING_URI only. Raises ScriptFailedError.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "_MLFLOW_"))}
    if python != sys.executable:
        inherited.pop("PYTHONPATH", None)  # another environment has packages of its own
    done = subprocess.run(
        [python, str(SCRIPTS / name), *arguments],
        env={**inherited, **environment, "MLFLOW_TRACKING_URI": server_url},
        capture_output=True,
        text=True,
        timeout=SCRIPT_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise ScriptFailedError(f"{name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])
