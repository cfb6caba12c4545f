"""`python -m scripts.wheel_test WHEEL`: install a wheel as a user would, outside the repository, and use the server.

Beside it lie foreign packages by the names that are top-level ones in the repository: none of them may be imported.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 600.0
"""pip may have to download everything."""

IMPORT_ALL = """
import importlib, pkgutil, tracklog
for module in pkgutil.walk_packages(tracklog.__path__, "tracklog."):
    if module.name.endswith((".__main__", ".migrations.env")):
        continue  # these run when they are imported
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "tracklog":
            raise  # others are libraries of extras, which are not installed here
"""


def main(wheel: str) -> int:
    with tempfile.TemporaryDirectory(prefix="tracklog-wheel-") as name:
        folder = Path(name)
        installed = install(Path(wheel).resolve(), folder / "venv")
        python, tracklog = str(installed / "bin/python"), str(installed / "bin/tracklog")
        put_strangers(installed, packages_of(Path(wheel)))

        say("Every module is imported, and both entrances tell the version.")
        run(folder, python, "-c", IMPORT_ALL)
        version = run(folder, tracklog, "--version")
        expect(version == run(folder, python, "-m", "tracklog", "--version"), "both entrances tell one version")
        expect(f"-{version.split()[1]}-" in Path(wheel).name, f"{version} is the version of {wheel}")

        port = free_port()
        server = subprocess.Popen([tracklog, "server", "--port", str(port)], cwd=folder, env=environment())
        try:
            url = f"http://127.0.0.1:{port}"
            await_ready(server, f"{url}/ready")
            write_and_read(url)
        finally:
            server.terminate()
            code = server.wait(STOP_TIMEOUT_S)
        expect(code == 0, f"the server ended with {code}")

        log = folder / "tracklog-data/tracklog.db"
        events = run(folder, tracklog, "events", "--backend-store-uri", f"sqlite:///{log}")
        expect("run.created" in events, f"the event is in the log: {events}")
        say(f"{version} works from its wheel.")
    return 0


def install(wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel and what it needs, at the locked versions."""
    say(f"Installing {wheel.name} and the packages of requirements-runtime.lock into a new environment.")
    lock = Path("requirements-runtime.lock").resolve()
    run(folder.parent, sys.executable, "-m", "venv", str(folder))
    pip = (str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(folder.parent, *pip, "--require-hashes", "-r", str(lock))
    run(folder.parent, *pip, "--no-deps", str(wheel))
    return folder


def packages_of(wheel: Path) -> set[str]:
    """The names of the packages below `tracklog`, which has to be the only one beside the wheel's own data."""
    files = [Path(name).parts for name in zipfile.ZipFile(wheel).namelist()]
    others = {parts[0] for parts in files if parts[0] != "tracklog" and not parts[0].endswith(".dist-info")}
    expect(not others, f"the wheel takes no other name than tracklog, but it has {others}")
    packages = {parts[1] for parts in files if parts[0] == "tracklog" and len(parts) > 2}
    expect({"schemas", "projector"} <= packages, f"the packages are below tracklog: {packages}")
    return packages


def put_strangers(installed: Path, names: set[str]) -> None:
    """Put a module of each name beside the installed packages which fails when it is imported."""
    (site_packages,) = installed.glob("lib/python*/site-packages")
    for name in names:
        (site_packages / f"{name}.py").write_text(f"raise RuntimeError('a foreign package was imported: {name}')\n")


def await_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.URLError as error:
            expect(server.poll() is None, f"the server runs, but it ended with {server.returncode}")
            expect(time.monotonic() < deadline, f"{url} answers 200 within {START_TIMEOUT_S} s: {error}")
            time.sleep(0.1)


def write_and_read(url: str) -> None:
    """One run with one metric, read back: both processes of the server work."""
    created = post(f"{url}/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1})
    run_id = created["run"]["info"]["run_id"]
    post(
        f"{url}/api/2.0/mlflow/runs/log-metric",
        {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1},
    )
    found = post(f"{url}/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"], "filter": "metrics.loss = 0.5"})
    expect([run["info"]["run_id"] for run in found["runs"]] == [run_id], f"the run is found by its metric: {found}")
    say(f"Run {run_id} was written and found.")


def post(url: str, body: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def run(folder: Path, *command: str) -> str:
    """What a command in `folder` printed. Raises CalledProcessError."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True, check=True, timeout=COMMAND_TIMEOUT_S
    )
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """This process's, without what would lead Python back to the repository or configure a server."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW_", "TRACKLOG_"))
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def expect(so: bool, what: str) -> None:
    if not so:
        raise SystemExit(f"Not so: {what}")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
