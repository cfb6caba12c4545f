"""The whole distributed system on this machine: it starts, is one system, survives its parts, and leaves in order."""

import json
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.missing import ServiceMissing, leave_out
from tests.services.running import AnyPostgresql
from tests.services.stack import Stack, StackInUse, StackSettings
from tracklog.serving.route_catalog import every_endpoint

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tracklog-stack-") as folder:
        try:
            with Stack(Path(folder), StackSettings(ingest=2, projectors=2)) as started:
                yield started
        except ServiceMissing as missing:
            leave_out(missing)


def asked(stack: Stack, path: str, body: Any = None) -> Any:
    """The answer to a request at the proxy."""
    url = f"{stack.url}/api/2.0/mlflow/{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def create_run(stack: Stack) -> str:
    run_id: str = asked(stack, "runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]["run_id"]
    return run_id


def metric_of(stack: Stack, run_id: str) -> float | None:
    """The latest value of the metric, as a read tells it; None without one."""
    metrics = asked(stack, f"runs/get?run_id={run_id}")["run"]["data"].get("metrics", [])
    return next((metric["value"] for metric in metrics), None)


def log_metric(stack: Stack, run_id: str, value: float) -> None:
    asked(stack, "runs/log-metric", {"run_id": run_id, "key": "m", "value": value, "timestamp": 1, "step": int(value)})


def test_a_write_at_one_role_is_read_at_another(stack: Stack) -> None:
    run_id = create_run(stack)
    for value in (1.0, 2.0, 3.0):
        log_metric(stack, run_id, value)
        assert metric_of(stack, run_id) == value


def test_bytes_pass_through_the_proxy_into_the_store_and_back(stack: Stack) -> None:
    url = f"{stack.url}/api/2.0/mlflow-artifacts/artifacts/a%20folder/%C3%BC.bin"
    sent = bytes(range(256)) * 4096
    with urllib.request.urlopen(urllib.request.Request(url, sent, method="PUT"), timeout=60) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.read() == sent


def test_the_page_is_there(stack: Stack) -> None:
    with urllib.request.urlopen(f"{stack.url}/", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")


def test_every_route_is_known_where_the_proxy_sends_it(stack: Stack) -> None:
    """The proxy's table and what the roles serve are made from the same routes, by different code.

    The stack is not told to know users, and has none of their routes.
    """
    unknown = []
    for endpoint in every_endpoint(with_users=False):
        path = re.sub(r"\{[^{}]+\}", "unknown", endpoint.path)
        request = urllib.request.Request(f"{stack.url}{path}", method=endpoint.method)
        try:
            with urllib.request.urlopen(request, timeout=60):
                continue
        except urllib.error.HTTPError as refused:
            if b"reverse proxy" in refused.read() or refused.code in (405, 502, 503):
                unknown.append((endpoint.method, path, refused.code))
    assert unknown == []


def test_what_one_process_of_a_role_did_goes_on_at_the_other_when_it_is_killed(stack: Stack) -> None:
    run_id = create_run(stack)
    for killed in (stack.ingest[0], stack.projectors[0]):
        killed.kill()
        log_metric(stack, run_id, 7.0)
        assert metric_of(stack, run_id) == 7.0
        killed.start()


def test_one_more_process_of_a_role_joins(stack: Stack) -> None:
    added = stack.add("query")
    stack.query[0].kill()
    run_id = create_run(stack)
    assert metric_of(stack, run_id) is None
    assert added.status_of("/health") == 200
    stack.query[0].start()


def test_nobody_but_the_owner_reads_its_passwords(stack: Stack) -> None:
    for file in stack.folder.rglob("*password*"):
        assert file.stat().st_mode & 0o077 == 0, file
    assert isinstance(stack.postgresql, AnyPostgresql)
    for part in stack.parts:
        text = part.log_tail(1_000_000)
        assert stack.minio.secret_key not in text
        assert stack.postgresql.password not in text


def test_a_folder_has_one_stack(stack: Stack) -> None:
    with pytest.raises(StackInUse):
        Stack(stack.folder).start()


def test_what_was_written_is_there_after_a_stop_and_a_start(stack: Stack) -> None:
    run_id = create_run(stack)
    log_metric(stack, run_id, 5.0)
    stack.stop()
    assert [part.name for part in stack.parts if part.is_running] == []
    stack.start()
    assert metric_of(stack, run_id) == 5.0
