"""A server signs what its log holds, over kills and restarts, and says when the log is another than it signed."""

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from event_log.proof.checkpoint import SignedSize
from event_log.proof.note import PublicKey, verified
from tests.eventually import wait_until
from tests.services.given import GivenKafka
from tests.services.running import AnyKafka
from tests.tracklog_server import TracklogServer

FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "33554432"}


def ask(server: TracklogServer, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        text = answer.read().decode()
    return text if answer.headers.get_content_type() == "text/plain" else json.loads(text)


def write(server: TracklogServer, count: int) -> None:
    for _ in range(count):
        ask(server, "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})


def tracklog(server: TracklogServer, *arguments: str) -> tuple[int, str]:
    return run([*arguments, "--event-log", str(server.event_log_file)])


def run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit code of a command, and what it printed."""
    command = [sys.executable, "-m", "tracklog", *arguments]
    given = {**os.environ, **(environment or {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=given)
    return done.returncode, done.stdout


def metric(server: TracklogServer, name: str) -> float:
    """The sum over all partitions; -1 where there is none."""
    values = [float(line.split()[-1]) for line in ask(server, "/metrics").splitlines() if line.startswith(name)]
    return sum(values) if values else -1.0


def signed_all(server: TracklogServer) -> bool:
    return metric(server, "tracklog_proof_signed_offset") == metric(server, "tracklog_log_end_offset") > 0


def test_a_log_is_signed_from_its_beginning_and_a_change_is_said_and_named(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    server = TracklogServer(tmp_path, options=["--checkpoints-destination", str(elsewhere)])
    key_file = server.event_log_file.with_name("tracklog.db.proof-key")
    server.start()
    try:
        write(server, 20)
        wait_until(lambda: signed_all(server))
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        public_key = tracklog(server, "keys", "publish")[1].strip()
        kept = tmp_path / "checkpoint.txt"
        kept.write_text(ask(server, "/api/tracklog/v1/log/checkpoint"))
        server.kill()

        server.start()
        write(server, 20)
        wait_until(lambda: signed_all(server))
        newest = ask(server, "/api/tracklog/v1/log/checkpoint")
        sizes = [
            SignedSize.parse(verified(note, PublicKey.parse(public_key))).size for note in (kept.read_text(), newest)
        ]
        assert 20 <= sizes[0] < sizes[1]

        code, rotated = tracklog(server, "keys", "rotate")
        assert code == 0
        write(server, 1)
        wait_until(lambda: signed_all(server))
        verified(ask(server, "/api/tracklog/v1/log/checkpoint"), PublicKey.parse(rotated.strip()))
        wait_until(lambda: len(list(elsewhere.rglob("*.checkpoint"))) > 1)
        given = ["--public-key", public_key, "--checkpoint", str(kept)]
        given += [word for file in elsewhere.rglob("*.checkpoint") for word in ("--checkpoint", str(file))]
        assert tracklog(server, "verify", *given) == (0, "")
        server.stop()

        with closing(sqlite3.connect(server.event_log_file)) as connection, connection:
            last = connection.execute('SELECT max("offset") FROM events').fetchone()[0]
            connection.execute('UPDATE events SET request_id = ?, checksum = NULL WHERE "offset" = ?', ("x", last))
            connection.execute('UPDATE events SET payload = ?, checksum = NULL WHERE "offset" = 7', (b"{}",))
        server.start()
        write(server, 1)
        wait_until(lambda: metric(server, "tracklog_proof_faults") == 1)
        ready = ask(server, "/ready")
        assert ready["ready"]
        assert f"Event {last} of partition 0 is another" in ready["notices"]["proof of the log"]
        wait_until(lambda: "Nothing more of it is signed" in server.log_file.read_text())
        assert metric(server, "tracklog_proof_signed_offset") == last + 1
        expected = f"partition 0, offset 7: payload changed\npartition 0, offset {last}: envelope changed\n"
        assert tracklog(server, "verify", *given) == (1, expected)
    finally:
        server.kill()
    secret = key_file.read_text().split("+", 4)[-1].strip()
    assert secret not in server.log_file.read_text()
    assert not any(
        secret.encode() in file.read_bytes()
        for file in server.data_dir.glob("*")
        if file.is_file() and file != key_file
    )


def test_a_server_that_is_told_so_signs_nothing(tmp_path: Path) -> None:
    with TracklogServer(tmp_path, options=["--no-proof"]) as server:
        write(server, 1)
        assert not list(server.data_dir.glob("*.proof*"))
        assert tracklog(server, "verify")[0] == 2
        assert tracklog(server, "keys", "publish")[0] == 2
        assert tracklog(server, "keys", "rotate")[0] == 2


@pytest.mark.parametrize("arguments", [("--public-key", "nonsense"), ("--checkpoint", "nothing-there.txt")])
def test_wrong_words_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    server = TracklogServer(tmp_path)
    assert tracklog(server, "verify", *arguments)[0] == 2


def shared_environment(folder: Path, database: str, **more: str) -> dict[str, str]:
    key_file = folder / "proof-key"
    assert run(["keys", "create", "--proof-key-file", str(key_file), "--name", "team"])[0] == 0
    assert run(["keys", "create", "--proof-key-file", str(key_file)])[0] == 2, "there is one"
    return {
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "TRACKLOG_PROOF_KEY_FILE": str(key_file),
        **more,
    }


@pytest.mark.service
def test_a_log_in_postgresql_is_signed_with_the_key_that_is_named(tmp_path: Path, postgresql_database: str) -> None:
    environment = shared_environment(tmp_path, postgresql_database)
    with TracklogServer(tmp_path, stores=(), environment=environment) as server:
        write(server, 5)
        wait_until(lambda: signed_all(server))
        assert ask(server, "/api/tracklog/v1/log/keys").startswith("team+")
    assert run(["verify"], environment) == (0, "")


@pytest.mark.service
def test_a_log_in_kafka_is_signed_and_a_topic_made_anew_is_no_longer_it(
    tmp_path: Path, postgresql_database: str, kafka_service: AnyKafka | GivenKafka, kafka_topic: str
) -> None:
    log = {"TRACKLOG_EVENT_LOG": f"kafka://{kafka_service.bootstrap}/{kafka_topic}", "TRACKLOG_KAFKA_PARTITIONS": "3"}
    environment = shared_environment(tmp_path, postgresql_database, **log)
    with TracklogServer(tmp_path, stores=(), environment=environment) as server:
        write(server, 30)
        wait_until(lambda: signed_all(server))
        kept = tmp_path / "checkpoint.txt"
        kept.write_text(ask(server, "/api/tracklog/v1/log/checkpoint?partition=1"))
        public_key = ask(server, "/api/tracklog/v1/log/keys")
    assert run(["verify", "--checkpoint", str(kept)], environment) == (0, "")

    def administer(act: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
        async def do() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=kafka_service.bootstrap)
            await admin.start()
            try:
                await act(admin)
            finally:
                await admin.close()

        asyncio.run(do())

    administer(lambda admin: admin.delete_records({TopicPartition(kafka_topic, 1): RecordsToDelete(before_offset=2)}))
    code, told = run(["verify", "--checkpoint", str(kept)], environment)
    assert (code, told.startswith("dropped: "), "partition 1 before offset 2" in told) == (1, True, True)
    administer(lambda admin: admin.delete_topics([kafka_topic]))
    administer(lambda admin: admin.create_topics([NewTopic(kafka_topic, 3, 1, topic_configs=FOREVER)]))
    code, told = run(["verify", "--checkpoint", str(kept), "--public-key", public_key], environment)
    assert (code, told.startswith("checkpoint of another log")) == (1, True)
