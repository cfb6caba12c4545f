"""A real `mlflow server` in a process of its own, for tests that compare with it, or move what it holds."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.eventually import wait_until
from tests.services.ports import free_port


@contextmanager
def mlflow_server(folder: Path, uri: str, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """One on the store `uri`, while the context lasts; its address. What it prints is in `mlflow.log` in `folder`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port), *options]
    settings = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else it starts processes that run jobs, which nobody has
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **(environment or {}),
    }
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--backend-store-uri", uri], env=settings, cwd=folder, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_answering(url), at_most_s=300)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def is_answering(url: str) -> bool:
    """Whether a server of MLflow answers there."""
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False
