"""Whether the services do what tests rely on: start, keep their data when killed, hang when suspended, go away."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.services.containers import ServiceContainer
from tests.services.kafka import brokers_at
from tests.services.leash import REPOSITORY
from tests.services.missing import ServiceMissing, leave_out
from tests.services.postgresql import Postgresql, execute
from tests.services.process_tree import descendants
from tests.services.running import AnyKafka, AnyMinio, AnyPostgresql
from tests.services.s3_bucket import fresh_bucket_name, s3_client

TABLE = "CREATE TABLE kept (number int)"
INSERT = "INSERT INTO kept VALUES (1)"


async def count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM kept")
        return found
    finally:
        await connection.close()


async def test_a_database_is_empty_and_its_tests_own(postgresql_database: str) -> None:
    execute(postgresql_database, TABLE, INSERT)
    assert await count(postgresql_database) == 1


async def test_a_database_is_empty_again_for_the_next_test(postgresql_database: str) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await count(postgresql_database)


async def test_a_killed_postgresql_keeps_what_was_committed(own_postgresql: AnyPostgresql) -> None:
    url = own_postgresql.url
    execute(url, TABLE, INSERT)
    own_postgresql.kill()
    with pytest.raises(OSError):
        await asyncpg.connect(url)
    own_postgresql.start()
    assert await count(url) == 1


async def test_a_suspended_postgresql_hangs_until_it_is_resumed(own_postgresql: AnyPostgresql) -> None:
    connection = await asyncpg.connect(own_postgresql.url)
    own_postgresql.suspend()
    asked = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([asked], timeout=0.3)
    assert not done
    own_postgresql.resume()
    assert await asked == 1
    await connection.close()


async def test_a_killed_kafka_keeps_what_it_acknowledged(own_kafka: AnyKafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=own_kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=own_kafka.bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait("kept", b"an event")
    await producer.stop()

    own_kafka.kill()
    assert brokers_at("127.0.0.1", own_kafka.port) == 0
    own_kafka.start()

    consumer = AIOKafkaConsumer(bootstrap_servers=own_kafka.bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition("kept", 0)])
    await consumer.start()
    assert (await consumer.getone()).value == b"an event"
    await consumer.stop()


def test_a_killed_minio_keeps_its_objects(own_minio: AnyMinio) -> None:
    client, bucket = s3_client(own_minio), fresh_bucket_name()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a/file", Body=b"bytes")
    own_minio.kill()
    own_minio.start()
    assert client.get_object(Bucket=bucket, Key="a/file")["Body"].read() == b"bytes"
    client.close()


def test_a_bucket_is_empty_and_its_tests_own(s3_admin: Any, s3_bucket: str) -> None:
    assert "Contents" not in s3_admin.list_objects_v2(Bucket=s3_bucket)
    s3_admin.put_object(Bucket=s3_bucket, Key="left behind", Body=b"")


def test_a_stopped_service_starts_again_on_its_data(own_postgresql: AnyPostgresql) -> None:
    execute(own_postgresql.url, TABLE, INSERT)
    assert own_postgresql.stop() == 0
    assert not own_postgresql.is_running
    assert asyncio.run(count(own_postgresql.start().url)) == 1


def test_only_its_owner_reads_the_password(own_postgresql: AnyPostgresql) -> None:
    if isinstance(own_postgresql, ServiceContainer):
        pytest.skip("a container keeps its password in memory")
    assert stat.S_IMODE((own_postgresql.folder / "password").stat().st_mode) == 0o600


def test_a_service_ends_with_the_run_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from tests.services.postgresql import Postgresql;"
        "service = Postgresql(pathlib.Path(sys.argv[1])).start(); print(service.pid, service.port, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    pid, port = map(int, run.stdout.split())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_descendants_are_found_in_whatever_group_they_are() -> None:
    script = "sleep 60 & setsid sleep 60 & wait"
    with subprocess.Popen(["sh", "-c", script]) as shell:
        deadline = time.monotonic() + 10
        while len(descendants(shell.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        children = descendants(shell.pid)
        for pid in (shell.pid, *children):
            os.kill(pid, 9)
    assert len(children) == 2


def test_a_service_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    broken = Postgresql(tmp_path, settings={"no_such_setting": "1"})
    with pytest.raises(RuntimeError, match="no_such_setting"):
        broken.start()


def test_what_is_missing_skips_on_a_laptop_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ServiceMissing("Kafka is missing: install it.")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install it"):
        leave_out(missing)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install it"):
        leave_out(missing)
