"""A stock client of MLflow 3.18 that meets an outage goes on when it ends, and its user sees nothing of it.

Since 3.18 it repeats most writes after 429 and failures to connect only: what was surely not carried out is told so.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from tests.compatibility.mlflow318 import mlflow318
from tests.compatibility.training import CLIENT_ENVIRONMENT, run_script
from tests.crash.distributed import DistributedSystem
from tests.crash.test_outages import API
from tests.eventually import wait_until
from tests.services.missing import ServiceMissing, leave_out
from tests.services.stack import StackSettings
from tests.small_disk import fill, small_disk
from tests.tracklog_server import TracklogServer

PATIENT: Final = {name: value for name, value in CLIENT_ENVIRONMENT.items() if "RETRIES" not in name}
"""As a user's: seven repeats, each after the seconds that the server asks for."""

BEGIN_BOUND_S: Final = 60.0
"""Importing MLflow takes some seconds, and more on a busy machine."""

HELD_S: Final = 1.5
"""How long the outage goes on behind the client's first request."""


class Script(threading.Thread):
    """A client that does its tracking calls once, in a process of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__()
        self._url = url
        self._begun = folder / "begun"
        self._environment = {**PATIENT, **mlflow318()}
        self._made: Any = None
        self._failure: BaseException | None = None
        self.start()
        wait_until(lambda: self._begun.exists() or not self.is_alive(), BEGIN_BOUND_S)

    def run(self) -> None:
        try:
            self._made = run_script("through_an_outage.py", self._url, str(self._begun), environment=self._environment)
        except BaseException as failure:  # raised where the test waits for it
            self._failure = failure

    def made(self) -> Any:
        """What it made, when it is done."""
        self.join()
        if self._failure is not None:
            raise self._failure
        return self._made


def is_refused(url: str) -> bool:
    """Whether a write is answered as one that may be repeated, by everyone who is asked."""
    try:
        answer = requests.post(f"{url}{API}/experiments/create", json={"name": "refused"}, timeout=60)
    except requests.ConnectionError:
        return True
    assert answer.status_code in (200, 400, 429), answer.text
    return answer.status_code == 429


def check(url: str, made: Any) -> None:
    """Everything is there once."""
    assert made["version"] == "3.18.0"
    experiment = requests.get(
        f"{url}{API}/experiments/get-by-name", params={"experiment_name": made["experiment"]}, timeout=60
    ).json()["experiment"]
    wanted = {"experiment_ids": [experiment["experiment_id"]]}
    (run,) = requests.post(f"{url}{API}/runs/search", json=wanted, timeout=60).json()["runs"]
    assert (run["info"]["run_id"], run["info"]["status"]) == (made["run_id"], "FINISHED")
    assert {one["key"]: one["value"] for one in run["data"]["metrics"]} == {"loss": 0.5, "a": 1.0, "b": 2.0}
    assert {one["key"]: one["value"] for one in run["data"]["params"]} == {"lr": "0.1", "x": "1", "y": "2"}
    assert {"team": "red", "p": "1", "q": "2"}.items() <= {
        one["key"]: one["value"] for one in run["data"]["tags"]
    }.items()
    (model,) = requests.post(f"{url}{API}/logged-models/search", json=wanted, timeout=60).json()["models"]
    assert model["info"]["model_id"] == made["model_id"]


def goes_through(url: str, folder: Path, begin: Callable[[], object], end: Callable[[], object]) -> None:
    """The script begins within the outage, which ends while it repeats its first write."""
    begin()
    try:
        wait_until(lambda: is_refused(url))
        script = Script(url, folder)
        time.sleep(HELD_S)
    finally:
        end()
    check(url, script.made())


@pytest.mark.soak
def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "12m") as disk, TracklogServer(disk) as server:
        filling: list[Path] = []
        goes_through(server.url, tmp_path, lambda: filling.append(fill(disk)), lambda: filling[0].unlink())


@pytest.mark.soak
def test_a_server_that_is_started_again(tmp_path: Path) -> None:
    with TracklogServer(tmp_path / "server") as server:
        goes_through(server.url, tmp_path, server.stop, server.start)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributedSystem]:
    try:
        with DistributedSystem(tmp_path_factory.mktemp("patience") / "stack", StackSettings()) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.mark.soak
def test_kafka_that_is_away(system: DistributedSystem, tmp_path: Path) -> None:
    assert system.kafka is not None
    goes_through(system.url, tmp_path, system.kafka.kill, system.kafka.start)


def test_a_postgresql_that_is_away(system: DistributedSystem, tmp_path: Path) -> None:
    goes_through(system.url, tmp_path, system.postgresql.kill, system.postgresql.start)


def test_no_ingest_behind_the_proxy(system: DistributedSystem, tmp_path: Path) -> None:
    (ingest,) = system.roles["ingest"]
    goes_through(system.url, tmp_path, ingest.kill, ingest.start)
