"""What still works while a part of the distributed system is away, what is refused and how, and that it comes back.

TRACKLOG_OUTAGE_S sets how long a part is away.
"""

import os
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
import requests

from tests.crash.distributed import DistributedSystem
from tests.eventually import wait_until
from tests.services.missing import ServiceMissing, leave_out
from tests.services.stack import StackSettings

OUTAGE_S: Final = float(os.environ.get("TRACKLOG_OUTAGE_S", "5"))
HEARS_WITHIN_S: Final = 60.0
"""A client that waits so long is left without an answer. How soon it hears is tested in `tests/unit`, by a clock that
no busy machine holds up."""

API: Final = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributedSystem]:
    try:
        with DistributedSystem(tmp_path_factory.mktemp("outages") / "stack", StackSettings()) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


class Client:
    """One client's connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def ask(self, method: str, path: str, **request: Any) -> requests.Response:
        return self._session.request(method, f"{self._url}{path}", timeout=HEARS_WITHIN_S, **request)

    def log_metric(self, run_id: str, step: int) -> requests.Response:
        body = {"run_id": run_id, "key": "m", "value": float(step), "step": step, "timestamp": step}
        return self.ask("POST", f"{API}/runs/log-metric", json=body)

    def log_param(self, run_id: str, key: str) -> requests.Response:
        return self.ask("POST", f"{API}/runs/log-parameter", json={"run_id": run_id, "key": key, "value": "1"})

    def get_run(self, run_id: str) -> requests.Response:
        return self.ask("GET", f"{API}/runs/get", params={"run_id": run_id})

    def steps(self, run_id: str) -> list[int]:
        answer = self.ask("GET", f"{API}/metrics/get-history", params={"run_id": run_id, "metric_key": "m"})
        assert answer.status_code == 200, answer.text
        assert "X-Tracklog-Behind" not in answer.headers
        return [point["step"] for point in answer.json()["metrics"]]

    def create_run(self) -> str:
        answer = self.ask("POST", f"{API}/runs/create", json={"experiment_id": "0"})
        assert answer.status_code == 200, answer.text
        run_id: str = answer.json()["run"]["info"]["run_id"]
        return run_id


@pytest.fixture
def client(system: DistributedSystem) -> Client:
    return Client(system.url)


def is_refused_for_now(answer: requests.Response) -> bool:
    """429 for a write, of which nothing was done, else 503; in MLflow's shape, with the header its client heeds."""
    document = answer.json()
    is_tracking_write = answer.request.method == "POST"
    return (
        answer.status_code == (429 if is_tracking_write else 503)
        and int(answer.headers["Retry-After"]) > 0
        and bool(document["error_code"])
        and bool(document["message"])
        and "Traceback" not in document["message"]
    )


def is_caught_up(client: Client, run_id: str) -> bool:
    answer = client.get_run(run_id)
    return answer.status_code == 200 and "X-Tracklog-Behind" not in answer.headers


@pytest.mark.parametrize("way", ["stopped", "stalled"])
def test_without_postgresql_metrics_are_acknowledged_and_reads_are_refused(
    system: DistributedSystem, client: Client, way: str
) -> None:
    run_id = client.create_run()
    client.log_metric(run_id, 0)
    assert client.steps(run_id) == [0]
    _take_away(system.postgresql, way)
    try:
        acknowledged = [0]
        ended = time.monotonic() + OUTAGE_S
        step = 0
        while time.monotonic() < ended:
            step += 1
            answer = client.log_metric(run_id, step)
            assert answer.status_code == 200, answer.text
            acknowledged.append(step)
        for refused in (client.get_run(run_id), client.log_param(run_id, "p")):
            assert is_refused_for_now(refused)
    finally:
        _bring_back(system.postgresql, way)
    wait_until(lambda: is_caught_up(client, run_id))
    assert client.steps(run_id) == acknowledged
    wait_until(lambda: client.log_param(run_id, "q").status_code == 200)


@pytest.mark.parametrize("way", ["stopped", "stalled"])
def test_without_kafka_writes_are_refused_and_reads_answered(
    system: DistributedSystem, client: Client, way: str
) -> None:
    assert system.kafka is not None
    run_id = client.create_run()
    client.log_metric(run_id, 0)
    assert client.steps(run_id) == [0]
    _take_away(system.kafka, way)
    refused: list[int] = []
    in_doubt: list[int] = []
    try:
        ended = time.monotonic() + OUTAGE_S
        step = 0
        while time.monotonic() < ended:
            step += 1
            answer = client.log_metric(run_id, step)
            if way == "stalled" and answer.status_code == 503:
                in_doubt.append(step)  # it had been sent when the broker stalled
            else:
                assert is_refused_for_now(answer), answer.text
                refused.append(step)
            read = client.get_run(run_id)
            assert read.status_code == 200, read.text
    finally:
        _bring_back(system.kafka, way)
    wait_until(lambda: client.log_metric(run_id, 1_000_000).status_code == 200)
    wait_until(lambda: is_caught_up(client, run_id))
    shown = client.steps(run_id)
    assert {0, 1_000_000} <= set(shown)
    assert len(shown) == len(set(shown))
    assert set(shown) & set(refused) == set()
    assert len(in_doubt) <= 1


def test_after_kafka_was_away_everyone_is_ready_again(system: DistributedSystem) -> None:
    assert system.kafka is not None
    everyone = [*system.roles["ingest"], *system.roles["query"], *system.projectors]
    system.kafka.kill()
    try:
        wait_until(lambda: not any(one.is_ready() for one in everyone))
        time.sleep(OUTAGE_S / 2)
    finally:
        system.kafka.start()
    for one in everyone:
        wait_until(one.is_ready)


def test_without_the_object_store_artifacts_are_refused_and_tracking_goes_on(
    system: DistributedSystem, client: Client
) -> None:
    run_id = client.create_run()
    artifact = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/a.txt"
    assert client.ask("PUT", artifact, data=b"before").status_code == 200
    system.minio.stop()
    try:
        for method, content in (("PUT", b"during"), ("GET", None)):
            assert is_refused_for_now(client.ask(method, artifact, data=content))
        assert client.log_metric(run_id, 1).status_code == 200
        assert client.get_run(run_id).status_code == 200
    finally:
        system.minio.start()
    wait_until(lambda: client.ask("PUT", artifact, data=b"after").status_code == 200)
    assert client.ask("GET", artifact).content == b"after"


def test_without_projectors_metrics_are_acknowledged_and_reads_say_that_they_are_behind(
    system: DistributedSystem, client: Client
) -> None:
    run_id = client.create_run()
    assert is_caught_up(client, run_id)
    for projector in system.projectors:
        projector.kill()
    try:
        assert client.log_metric(run_id, 1).status_code == 200
        read = client.get_run(run_id)
        assert read.status_code == 200
        assert read.headers["X-Tracklog-Behind"]
    finally:
        for projector in system.projectors:
            projector.start()
    wait_until(lambda: is_caught_up(client, run_id))
    assert client.steps(run_id) == [1]


def _take_away(part: Any, way: str) -> None:
    if way == "stopped":
        part.kill()
    else:
        part.suspend()


def _bring_back(part: Any, way: str) -> None:
    if way == "stopped":
        part.start()
    else:
        part.resume()
