"""What a server on PostgreSQL answers, and how it comes back, when statements fail for reasons of every kind.

Nothing is ever answered 500, and no projector ends: what fails is tried again, or said. TRACKLOG_TROUBLED_STEPS sets
for how long sessions are ended.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from tests.services.given import GivenPostgresql
from tests.services.postgresql import execute
from tests.services.process_tree import descendants
from tests.services.running import AnyPostgresql
from tests.tracklog_server import TracklogServer

WITHIN_S: Final = 90.0
STEPS: Final = int(os.environ.get("TRACKLOG_TROUBLED_STEPS", "20"))
API: Final = "/api/2.0/mlflow"

Service = AnyPostgresql | GivenPostgresql


class Stores:
    """A database for the read model, and another for the log."""

    def __init__(self, service: Service, read_model: str, log: str) -> None:
        self._service = service
        self.read_model = read_model
        self.log = log

    @property
    def name(self) -> str:
        return self.read_model.rpartition("/")[2].partition("?")[0]

    def execute(self, *statements: str) -> None:
        """As the superuser, from another database."""
        execute(self._service.url, *statements)

    def each_backend(self, function: str, databases: str) -> None:
        """`pg_cancel_backend` or `pg_terminate_backend` on every session of these databases."""
        self.execute(f"SELECT {function}(pid) FROM pg_stat_activity WHERE datname IN ({databases})")


@pytest.fixture
def stores(postgresql_service: Service, postgresql_database: str, postgresql_module_database: str) -> Stores:
    return Stores(postgresql_service, postgresql_database, postgresql_module_database)


@pytest.fixture
def server(stores: Stores, tmp_path: Path) -> Iterator[TracklogServer]:
    environment = {"MLFLOW_BACKEND_STORE_URI": stores.read_model, "TRACKLOG_EVENT_LOG": stores.log}
    with TracklogServer(tmp_path, stores=(), environment=environment) as running:
        yield running
        said = [line for line in running.log_file.read_text().splitlines() if "Traceback" in line]
        assert said == []


def ask(server: TracklogServer, method: str, path: str, **request: Any) -> requests.Response:
    """An answer, which is what was asked for, or that it has to be asked again."""
    answer = requests.request(method, server.url + path, timeout=60, **request)
    assert answer.status_code in (200, 429, 503, 504), answer.text
    return answer


def create_run(server: TracklogServer) -> str | None:
    answer = ask(server, "POST", f"{API}/runs/create", json={"experiment_id": "0"})
    return answer.json()["run"]["info"]["run_id"] if answer.status_code == 200 else None


def log_metric(server: TracklogServer, run_id: str, step: int) -> bool:
    body = {"run_id": run_id, "key": "m", "value": 1.0, "timestamp": 1, "step": step}
    return ask(server, "POST", f"{API}/runs/log-metric", json=body).status_code == 200


def shows(server: TracklogServer, run_id: str) -> bool:
    return ask(server, "GET", f"{API}/runs/get", params={"run_id": run_id}).status_code == 200


def missing(server: TracklogServer) -> dict[str, str]:
    told: dict[str, Any] = requests.get(f"{server.url}/ready", timeout=60).json()
    found: dict[str, str] = told.get("missing", {})
    return found


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.1)


def is_ready(server: TracklogServer) -> bool:
    return missing(server) == {}


def projector_of(server: TracklogServer) -> int:
    [child] = [
        one for one in descendants(server.pid) if b"projector_child" in Path(f"/proc/{one}/cmdline").read_bytes()
    ]
    return child


def a_run(server: TracklogServer) -> str:
    run_id = create_run(server)
    assert run_id is not None
    assert log_metric(server, run_id, 0)
    assert shows(server, run_id)
    return run_id


@contextmanager
def again_and_again(act: Callable[[], None]) -> Iterator[None]:
    """Do something all the time, for as long as the context lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            act()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("function", ["pg_cancel_backend", "pg_terminate_backend"])
def test_statements_and_sessions_that_are_ended_by_somebody_cost_no_500_and_no_projector(
    stores: Stores, server: TracklogServer, function: str
) -> None:
    run_id = a_run(server)
    projector = projector_of(server)
    log = stores.log.rpartition("/")[2].partition("?")[0]
    acknowledged: list[str] = []
    with again_and_again(lambda: stores.each_backend(function, f"'{stores.name}', '{log}'")):
        for step in range(STEPS):
            log_metric(server, run_id, step)
            shows(server, run_id)
            if (created := create_run(server)) is not None:
                acknowledged.append(created)
    eventually(lambda: is_ready(server), "ready")
    assert all(shows(server, one) for one in acknowledged)
    assert projector_of(server) == projector


def test_timeouts_that_a_database_sets_for_all_hold_nobody_up(stores: Stores, server: TracklogServer) -> None:
    projector = projector_of(server)
    for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        stores.execute(f"ALTER DATABASE {stores.name} SET {setting} = '15ms'")
    stores.each_backend("pg_terminate_backend", f"'{stores.name}'")
    eventually(lambda: is_ready(server), "ready")
    run_id = a_run(server)
    assert shows(server, run_id)
    assert projector_of(server) == projector


def test_a_database_that_is_dropped_and_made_again_while_idle_is_filled_again(
    stores: Stores, server: TracklogServer
) -> None:
    run_id = a_run(server)
    eventually(lambda: is_ready(server), "ready")
    stores.execute(f"DROP DATABASE {stores.name} WITH (FORCE)", f"CREATE DATABASE {stores.name}")
    eventually(lambda: shows(server, run_id) and is_ready(server), "the run, from the log")
    created = create_run(server)
    assert created is not None
    assert shows(server, created)


def test_a_database_that_takes_no_writes_is_told_and_used_again_when_it_does(
    stores: Stores, server: TracklogServer
) -> None:
    run_id = a_run(server)
    stores.execute(f"ALTER DATABASE {stores.name} SET default_transaction_read_only = on")
    stores.each_backend("pg_terminate_backend", f"'{stores.name}'")
    eventually(lambda: "takes no writes now" in str(missing(server)), "told that it is read-only")
    assert shows(server, run_id)
    stores.execute(f"ALTER DATABASE {stores.name} RESET default_transaction_read_only")
    stores.each_backend("pg_terminate_backend", f"'{stores.name}'")
    eventually(lambda: is_ready(server), "ready")
    assert shows(server, a_run(server))


@pytest.mark.parametrize("table", ["checkpoints", pytest.param("tags", marks=pytest.mark.soak), "facts"])
def test_a_read_model_that_lost_a_table_is_folded_anew(stores: Stores, server: TracklogServer, table: str) -> None:
    run_id = a_run(server)
    execute(stores.read_model, f"DROP TABLE tracklog_read_model_1.{table}")
    eventually(lambda: "a new one is folded from the log" in server.log_file.read_text(), "a sentence")
    eventually(lambda: shows(server, run_id) and is_ready(server), "the run, from the log")
    assert shows(server, a_run(server))
