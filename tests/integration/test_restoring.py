"""Putting a log back from a copy, by the commands that `docs/operating/backup.md` tells."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import requests

from event_log.postgresql.stream_keys import PostgresqlStreamKeys
from tests.services.given import GivenKafka
from tests.services.kafka_topic import copy_topic, remove_topic
from tests.services.postgresql import binaries, run_apart
from tests.services.running import AnyKafka
from tests.tracklog_server import REPOSITORY, TracklogServer


def blocks() -> list[str]:
    """The commands of the page, block by block."""
    return re.findall(r"```sh\n(.*?)```", (REPOSITORY / "docs/operating/backup.md").read_text(), re.DOTALL)


COPY, CHECK_ARTIFACTS, SQLITE_RESTORE, POSTGRESQL_RESTORE, KEYS_DUMP, KEYS_RESTORE = blocks()


def run(commands: str, stores: Mapping[str, str] | None = None, **values: str | Path) -> None:
    for name, value in values.items():
        commands = commands.replace(name, str(value))
    environment = {
        **os.environ,
        **(stores or {}),
        "PATH": f"{Path(sys.executable).parent}:{binaries()}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["sh", "-ec", commands], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def new_run(server: TracklogServer) -> str:
    answer = requests.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run"]["info"]["run_id"])


def status_of(server: TracklogServer, run_id: str) -> int:
    return requests.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}, timeout=30).status_code


def shown(server: TracklogServer) -> set[str]:
    """The runs that a search finds."""
    answer = requests.post(
        f"{server.url}/api/2.0/mlflow/runs/search", json={"experiment_ids": ["0"], "max_results": 1000}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return {one["info"]["run_id"] for one in answer.json().get("runs", [])}


def put_back(server: TracklogServer, copy: Callable[[], None], restore: Callable[[], None]) -> None:
    """Write, copy the log, write more, put the copy back; and see what is shown before and after more is written."""
    with server:
        kept = {new_run(server) for _ in range(4)}
        copy()
        gone = {new_run(server) for _ in range(8)}
        assert shown(server) == kept | gone
    restore()
    with server:
        assert shown(server) == kept
        assert {status_of(server, run_id) for run_id in gone} == {404}
        new = {new_run(server) for _ in range(6)}
        assert shown(server) == kept | new
        assert {status_of(server, run_id) for run_id in new} == {200}
    with server:
        assert shown(server) == kept | new


def test_a_log_in_sqlite_is_put_back(tmp_path: Path) -> None:
    server, copy = TracklogServer(tmp_path), tmp_path / "copy.db"
    file = server.event_log_file
    put_back(
        server,
        lambda: run(COPY, {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{file}"}, COPY=copy),
        lambda: run(SQLITE_RESTORE, FILE=file, COPY=copy),
    )
    assert server.log_tail(1000).count("does not belong to") >= 1  # the read model of what was there before


def test_a_log_in_postgresql_is_put_back_beside_newer_read_models(tmp_path: Path, postgresql_database: str) -> None:
    server, copy = server_on(tmp_path, postgresql_database), tmp_path / "copy"
    put_back(
        server,
        lambda: run(COPY, {"MLFLOW_BACKEND_STORE_URI": postgresql_database}, COPY=copy),
        lambda: run(POSTGRESQL_RESTORE, URL=postgresql_database, COPY=copy),
    )


def test_servers_on_the_mirror_of_a_topic_show_what_it_holds(
    tmp_path: Path, postgresql_database: str, kafka_service: AnyKafka | GivenKafka, kafka_topic: str
) -> None:
    bootstrap, mirror = kafka_service.bootstrap, f"{kafka_topic}-mirror"
    first = server_on(tmp_path / "first", postgresql_database, f"kafka://{bootstrap}/{kafka_topic}")
    second = server_on(tmp_path / "second", postgresql_database, f"kafka://{bootstrap}/{mirror}")
    try:
        with first:
            kept = {new_run(first) for _ in range(5)}
            run_apart(copy_topic(bootstrap, kafka_topic, mirror))
            gone = {new_run(first) for _ in range(5)}
        with second:
            assert shown(second) == kept
            new = {new_run(second) for _ in range(5)}
            assert shown(second) == kept | new
        with first:  # and back
            assert shown(first) == kept | gone
    finally:
        run_apart(remove_topic(bootstrap, mirror))


def test_a_server_started_with_the_name_of_another_topic_shows_what_it_takes(
    tmp_path: Path, postgresql_database: str, kafka_service: AnyKafka | GivenKafka, kafka_topic: str
) -> None:
    other = f"{kafka_topic}-other"
    first = server_on(tmp_path / "first", postgresql_database, f"kafka://{kafka_service.bootstrap}/{kafka_topic}")
    second = server_on(tmp_path / "second", postgresql_database, f"kafka://{kafka_service.bootstrap}/{other}")
    try:
        with first:
            before = {new_run(first) for _ in range(5)}
        with second:
            new = {new_run(second) for _ in range(5)}
            assert shown(second) == new
            assert {status_of(second, run_id) for run_id in before} == {404}
    finally:
        run_apart(remove_topic(kafka_service.bootstrap, other))


async def test_keys_that_are_put_back_are_those_of_the_dump_and_say_what_is_to_go_again(
    tmp_path: Path, postgresql_database: str
) -> None:
    keys = PostgresqlStreamKeys(postgresql_database, str(uuid.uuid4()))
    await keys.begin()
    before = await keys.made(["run/erased", "run/kept"])
    await keys.note_carried_out(0, 3)
    run(KEYS_DUMP, URL=postgresql_database, KEYS=tmp_path / "keys")
    await keys.destroy(["run/erased"])
    await keys.made(["run/later"])
    await keys.note_carried_out(0, 7)
    run(KEYS_RESTORE, URL=postgresql_database, KEYS=tmp_path / "keys")
    assert await keys.found(["run/erased", "run/kept", "run/later"]) == before
    assert await keys.carried_out(0) == 3
    assert await keys.destroy(["run/erased"]) == 1
    await keys.close()


def server_on(folder: Path, dsn: str, log: str | None = None) -> TracklogServer:
    environment = {"MLFLOW_BACKEND_STORE_URI": dsn, "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts")}
    if log is not None:
        environment |= {"TRACKLOG_EVENT_LOG": log, "TRACKLOG_KAFKA_PARTITIONS": "3"}
    return TracklogServer(folder, stores=(), environment=environment)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
