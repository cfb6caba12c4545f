"""What the pages in `docs/operating` show is run as written, but for names, ports and folders."""

import base64
import json
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.services.certificate import self_signed
from tests.services.missing import ServiceMissing, leave_out
from tests.services.nginx import Nginx, worker_user
from tests.services.ports import HOST
from tests.tracklog_server import REPOSITORY, TracklogServer

PAGES: Final = REPOSITORY / "docs" / "operating"
NAME: Final = "tracklog.example.com"
USER, PASSWORD = "ann", "s3same"


def example(page: str, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    options = ("--allowed-hosts", f"{NAME},127.0.0.1", "--trusted-proxies", f"{HOST}/32")
    with TracklogServer(tmp_path_factory.mktemp("server"), options=options) as running:
        yield running


@pytest.fixture(scope="module")
def server_of_known_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    options = ("--allowed-hosts", f"{NAME},127.0.0.1", "--trusted-proxies", HOST, "--user-header", "X-Forwarded-User")
    with TracklogServer(tmp_path_factory.mktemp("known"), options=options) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: TracklogServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True)
    (folder / "tracklog.htpasswd").write_text(f"{USER}:{hashed.stdout.strip()}\n")
    key, certificate = self_signed(HOST)
    (folder / "tracklog.key").write_bytes(key)
    (folder / "tracklog.crt").write_bytes(certificate)

    def configuration(listen: str, place: Path) -> str:
        shown = example("security.md", "nginx").replace("listen 443 ssl", f"listen {listen} ssl")
        shown = shown.replace("/etc/nginx/", f"{folder}/").replace("http://127.0.0.1:5000", server.url)
        user = f"user {worker_user()};" if worker_user() else ""
        temporary = " ".join(
            f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return f"{user} pid {place}/pid; events {{}} http {{ access_log off; {temporary}\n{shown}\n}}"

    try:
        with Nginx(folder / "nginx", configuration) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


def asked(proxy: Nginx, path: str, body: bytes | None = None, method: str = "GET", *, known: bool = True) -> bytes:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    headers = {"Host": NAME, "Content-Type": "application/json"}
    if known:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(f"https://{proxy.address}{path}", body, headers, method=method)
    with urllib.request.urlopen(request, timeout=60, context=trusting) as answer:
        content: bytes = answer.read()
    return content


def test_nobody_passes_the_proxy_without_a_password(proxy: Nginx) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        asked(proxy, "/api/2.0/mlflow/experiments/search", known=False)
    assert refused.value.code == 401
    refused.value.close()


def test_requests_and_artifacts_pass_the_proxy_as_they_were_sent(proxy: Nginx, server: TracklogServer) -> None:
    create = json.dumps({"experiment_id": "0", "start_time": 1}).encode()
    run = json.loads(asked(proxy, "/api/2.0/mlflow/runs/create", create, "POST"))["run"]["info"]
    content = bytes(range(256)) * 16_384  # four times what nginx takes where nothing is said
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run['run_id']}/artifacts/a%25b.bin"
    asked(proxy, path, content, "PUT")
    assert asked(proxy, path) == content
    with urllib.request.urlopen(f"{server.url}/api/tracklog/v1/events?stream=run/{run['run_id']}") as answer:
        (event,) = json.load(answer)["events"]
    assert event["actor"]["address"] == HOST


def test_the_client_before_the_proxy_is_who_an_event_names(server: TracklogServer) -> None:
    """The server believes the header that the example sets, from the proxy that the example names."""
    create = json.dumps({"experiment_id": "0", "start_time": 1}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.7"}
    request = urllib.request.Request(f"{server.url}/api/2.0/mlflow/runs/create", create, headers)
    with urllib.request.urlopen(request) as answer:
        run_id = json.load(answer)["run"]["info"]["run_id"]
    with urllib.request.urlopen(f"{server.url}/api/tracklog/v1/events?stream=run/{run_id}") as answer:
        (event,) = json.load(answer)["events"]
    assert event["actor"]["address"] == "203.0.113.7"


def test_only_users_that_the_proxy_names_are_answered(server_of_known_users: TracklogServer) -> None:
    """The server takes the user from the header that the example sets."""
    url = server_of_known_users.url
    create = json.dumps({"experiment_id": "0", "start_time": 1}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-User": USER}
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/runs/create", create, headers)
    with urllib.request.urlopen(request) as answer:
        run_id = json.load(answer)["run"]["info"]["run_id"]
    history = f"{url}/api/tracklog/v1/events?stream=run/{run_id}"
    with urllib.request.urlopen(urllib.request.Request(history, headers=headers)) as answer:
        (event,) = json.load(answer)["events"]
    assert event["actor"]["user"] == USER
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(history)
    assert refused.value.code == 403
    refused.value.close()


SEED: Final = """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("old")
with mlflow.start_run(run_name="first"):
    mlflow.log_param("rate", 0.1)
    mlflow.set_tag("team", "blue")
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("hello", "notes/hello.txt")
"""


def test_runs_of_an_mlflow_store_are_copied_by_the_script_that_is_shown(server: TracklogServer, tmp_path: Path) -> None:
    script = example("from-mlflow-server.md", "python").replace("http://127.0.0.1:5000", server.url)
    for step in (SEED, script):
        subprocess.run([sys.executable, "-c", step], cwd=tmp_path, check=True, timeout=200)
    (run,) = search(server, "old")
    assert run["info"]["run_name"] == "first"
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == [{"key": "rate", "value": "0.1"}]
    assert {"key": "team", "value": "blue"} in run["data"]["tags"]
    (metric,) = run["data"]["metrics"]
    assert (metric["key"], metric["step"]) == ("loss", 2)
    path = f"{run['info']['experiment_id']}/{run['info']['run_id']}/artifacts/notes/hello.txt"
    with urllib.request.urlopen(f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{path}") as answer:
        assert answer.read() == b"hello"


def search(server: TracklogServer, name: str) -> list[Any]:
    base = f"{server.url}/api/2.0/mlflow"
    with urllib.request.urlopen(f"{base}/experiments/get-by-name?experiment_name={name}") as answer:
        experiment_id = json.load(answer)["experiment"]["experiment_id"]
    body = json.dumps({"experiment_ids": [experiment_id]}).encode()
    request = urllib.request.Request(f"{base}/runs/search", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        runs: list[Any] = json.load(answer)["runs"]
    return runs
