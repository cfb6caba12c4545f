"""A read model that is damaged or gone is said in a sentence and folded anew; nothing wrong is answered meanwhile."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
import requests

from read_model.sqlite_link import current
from tests.tracklog_server import TracklogServer

WITHIN_S: Final = 60.0
RUNS: Final = 40
API: Final = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that was stopped."""
    with TracklogServer(tmp_path_factory.mktemp("filled")) as server:
        for number in range(RUNS):
            body: Mapping[str, str | list[dict[str, str]]] = {
                "experiment_id": "0",
                "run_name": f"run {number}",
                "tags": [{"key": "k", "value": "v" * 2000}],
            }
            requests.post(f"{server.url}{API}/runs/create", json=body, timeout=30).raise_for_status()
    return server.data_dir


@pytest.fixture
def server(data: Path, tmp_path: Path) -> Iterator[TracklogServer]:
    """A server on that data, not started, and stopped in the end."""
    server = TracklogServer(tmp_path)
    shutil.copytree(data, server.data_dir, symlinks=True, dirs_exist_ok=True)
    yield server
    server.stop()


def read_model(server: TracklogServer) -> Path:
    path = current(server.event_log_file)
    assert path is not None
    return path


def scribble(path: Path) -> None:
    """Make every page but the first unreadable."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def scribble_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xa5" * 4096)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def drop_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE tags")
        connection.commit()


def remove(path: Path) -> None:
    path.unlink()


def found(server: TracklogServer) -> tuple[int, int]:
    """The status of a search, and how many runs it found."""
    body: Mapping[str, list[str] | int] = {"experiment_ids": ["0"], "max_results": 1000}
    answer = requests.post(f"{server.url}{API}/runs/search", json=body, timeout=60)
    return answer.status_code, len(answer.json().get("runs", ()))


def is_whole_again(server: TracklogServer) -> bool:
    """Whether all is found; nothing else may be answered but that one has to come again."""
    told = found(server)
    assert told in ((200, RUNS), (503, 0)), server.log_tail()
    return told[0] == 200


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_ready(server: TracklogServer) -> bool:
    return requests.get(f"{server.url}/ready", timeout=30).status_code == 200


def is_said(server: TracklogServer) -> bool:
    tail = server.log_tail(1000)
    assert "Traceback" not in tail
    return "a new one is folded from the log" in tail


@pytest.mark.parametrize("damage", [scribble, scribble_head, cut, drop_a_table, remove])
def test_damage_is_found_at_the_start(server: TracklogServer, damage: Callable[[Path], None]) -> None:
    old = read_model(server)
    damage(old)
    server.start()
    assert found(server) == (200, RUNS)
    assert read_model(server) != old
    assert not old.exists()
    assert is_said(server)


@pytest.mark.parametrize("damage", [scribble, drop_a_table, remove])
def test_damage_that_comes_while_the_server_runs_is_mended(
    server: TracklogServer, damage: Callable[[Path], None]
) -> None:
    server.start()
    old = read_model(server)
    damage(old)
    eventually(lambda: is_whole_again(server) and read_model(server) != old)
    assert is_said(server)
    eventually(lambda: is_ready(server))
    created = requests.post(f"{server.url}{API}/runs/create", json={"experiment_id": "0"}, timeout=60)
    assert created.status_code == 200, created.text
    assert found(server) == (200, RUNS + 1)


def test_points_of_a_metric_that_are_not_what_was_written_are_not_served(server: TracklogServer) -> None:
    server.start()
    run_id = requests.post(f"{server.url}{API}/runs/create", json={"experiment_id": "0"}, timeout=30).json()["run"][
        "info"
    ]["run_id"]
    points = [{"key": "m", "value": float(step), "timestamp": 1, "step": step} for step in range(1000)]
    body = {"run_id": run_id, "metrics": points}
    requests.post(f"{server.url}{API}/runs/log-batch", json=body, timeout=30).raise_for_status()
    query = {"run_id": run_id, "metric_key": "m", "max_results": "1000"}

    def history() -> list[float] | None:
        answer = requests.get(f"{server.url}{API}/metrics/get-history", params=query, timeout=60)
        assert answer.status_code in (200, 503), answer.text
        return [point["value"] for point in answer.json()["metrics"]] if answer.status_code == 200 else None

    assert history() == [float(step) for step in range(1000)]
    server.stop()
    old = read_model(server)
    with closing(sqlite3.connect(old)) as connection:
        [data] = connection.execute("SELECT data FROM metric_chunks").fetchone()
        spoilt = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
        connection.execute("UPDATE metric_chunks SET data = ?", (spoilt,))
        connection.commit()
    server.start()
    assert history() is None
    eventually(lambda: read_model(server) != old and history() is not None)
    assert history() == [float(step) for step in range(1000)]
    assert is_said(server)
