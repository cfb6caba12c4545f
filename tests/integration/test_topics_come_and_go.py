"""What happens to a running server when its topic is deleted, made anew, told to forget, or given partitions."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.eventually import AT_MOST_S
from tests.services.given import GivenKafka
from tests.services.running import AnyKafka
from tests.tracklog_server import TracklogServer

WITHIN_S = AT_MOST_S
FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "33554432"}


@pytest.fixture
def server(
    tmp_path: Path, postgresql_database: str, kafka_service: AnyKafka | GivenKafka, kafka_topic: str
) -> Iterator[TracklogServer]:
    environment = {
        "MLFLOW_BACKEND_STORE_URI": postgresql_database,
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
        "TRACKLOG_EVENT_LOG": f"kafka://{kafka_service.bootstrap}/{kafka_topic}",
        "TRACKLOG_KAFKA_PARTITIONS": "3",
    }
    with TracklogServer(tmp_path, stores=(), environment=environment) as server:
        yield server


class Topic:
    """The topic, as its operator has it."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._bootstrap = bootstrap
        self._name = name

    def delete(self) -> None:
        self._do(lambda admin: admin.delete_topics([self._name]))

    def make(self) -> None:
        self._do(lambda admin: admin.create_topics([NewTopic(self._name, 3, 1, topic_configs=FOREVER)]))

    def set(self, **configuration: str) -> None:
        changed = {**FOREVER, **{name.replace("_", "."): value for name, value in configuration.items()}}
        self._do(lambda admin: admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self._name, changed)]))

    def add_partitions(self, total: int) -> None:
        self._do(lambda admin: admin.create_partitions({self._name: NewPartitions(total_count=total)}))

    def _do(self, act: Callable[[AIOKafkaAdminClient], Any]) -> None:
        async def do() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
            await admin.start()
            try:
                await act(admin)
            finally:
                await admin.close()

        asyncio.run(do())


@pytest.fixture
def topic(kafka_service: AnyKafka | GivenKafka, kafka_topic: str) -> Topic:
    return Topic(kafka_service.bootstrap, kafka_topic)


def create_run(server: TracklogServer) -> requests.Response:
    return requests.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, timeout=30)


def new_run(server: TracklogServer) -> str:
    answer = create_run(server)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run"]["info"]["run_id"])


def status_of(server: TracklogServer, run_id: str) -> int:
    return requests.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}, timeout=30).status_code


def until_ready_says(server: TracklogServer, status: int, word: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        answer = requests.get(f"{server.url}/ready", timeout=30)
        if answer.status_code == status and word in answer.text:
            return
        assert time.monotonic() < deadline, f"{answer.status_code} {answer.text}\n{server.log_tail()}"
        time.sleep(0.1)


def test_a_deleted_topic_is_not_made_again_and_one_made_anew_is_another_log(
    server: TracklogServer, topic: Topic
) -> None:
    before = new_run(server)
    topic.delete()
    until_ready_says(server, 503, "is no longer there")
    assert create_run(server).status_code == 429
    topic.make()
    assert server.wait(WITHIN_S) == 1
    assert "was deleted and made anew" in server.log_tail(1000)
    server.start()
    after = new_run(server)
    assert (status_of(server, before), status_of(server, after)) == (404, 200)


def test_a_retention_that_is_set_while_servers_run_makes_them_unready_until_it_is_taken_back(
    server: TracklogServer, topic: Topic
) -> None:
    topic.set(retention_ms="604800000")
    until_ready_says(server, 503, "retention.ms is 604800000")
    assert "The topic" in server.log_tail(1000)
    topic.set()
    until_ready_says(server, 200, "true")


def test_partitions_that_are_added_change_nothing(server: TracklogServer, topic: Topic) -> None:
    runs = [new_run(server) for _ in range(12)]
    topic.add_partitions(6)
    runs += [new_run(server) for _ in range(12)]
    server.restart()
    runs += [new_run(server) for _ in range(12)]
    assert {status_of(server, run_id) for run_id in runs} == {200}
    assert "its log goes on with the 3 that it was created with" in server.log_tail(1000)
