"""What Docker would be asked for, as far as that can be known without it."""

import shutil
from typing import Any

import pytest
from testcontainers.core import container as testcontainers_container

from tests.services.containers import (
    KafkaContainer,
    MinioContainer,
    PostgresqlContainer,
    ServiceContainer,
    docker_answers,
    variable_of,
)


class FakeDocker:
    """A container as the Docker library hands it out; `done` is what was asked of it."""

    def __init__(self) -> None:
        self.status = "created"
        self.done: list[str] = []

    def reload(self) -> None:
        pass

    def _become(self, status: str, what: str) -> None:
        self.status = status
        self.done.append(what)

    def start(self) -> None:
        self._become("running", "start")

    def stop(self, timeout: int) -> None:
        self._become("exited", "stop")

    def kill(self) -> None:
        self._become("exited", "kill")

    def pause(self) -> None:
        self._become("paused", "pause")

    def unpause(self) -> None:
        self._become("running", "unpause")

    def wait(self) -> dict[str, int]:
        return {"StatusCode": 0}

    def logs(self, tail: int) -> bytes:
        return b"the last line"


class FakeContainer:
    """Stands in for testcontainers' own class, by the methods that are used of it."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.ports: dict[int, int] = {}
        self.variables: dict[str, str] = {}
        self.command: list[str] = []
        self.docker = FakeDocker()
        self.removed = False

    def with_bind_ports(self, container: int, host: int) -> "FakeContainer":
        self.ports[container] = host
        return self

    def with_env(self, name: str, value: str) -> "FakeContainer":
        self.variables[name] = value
        return self

    def with_command(self, command: list[str]) -> "FakeContainer":
        self.command = command
        return self

    def start(self) -> None:
        self.docker.start()

    def stop(self) -> None:
        self.removed = True

    def get_wrapped_container(self) -> FakeDocker:
        return self.docker


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FakeContainer]:
    """The containers that were made."""
    found: list[FakeContainer] = []

    def make(image: str) -> FakeContainer:
        found.append(FakeContainer(image))
        return found[-1]

    for name in ("with_bind_ports", "with_env", "with_command", "start", "stop", "get_wrapped_container"):
        assert hasattr(testcontainers_container.DockerContainer, name), name
    monkeypatch.setattr(testcontainers_container, "DockerContainer", make)
    for service in (PostgresqlContainer, KafkaContainer, MinioContainer):
        monkeypatch.setattr(service, "is_ready", lambda self: self.is_running)
    return found


@pytest.mark.parametrize(
    ("service", "port"), [(PostgresqlContainer, 5432), (KafkaContainer, 9092), (MinioContainer, 9000)]
)
def test_a_container_is_found_at_the_port_that_was_chosen(
    service: type[ServiceContainer], port: int, made: list[FakeContainer]
) -> None:
    started = service().start()
    assert made[0].ports == {port: started.port}
    assert made[0].image == service.image


def test_a_container_stays_with_its_data_and_port_until_it_is_discarded(made: list[FakeContainer]) -> None:
    service = MinioContainer().start()
    service.kill()
    assert not service.is_running
    service.start()
    service.suspend()
    assert service.is_running
    service.resume()
    service.stop()
    service.restart()
    assert made[0].docker.done == ["start", "kill", "start", "pause", "unpause", "stop", "start"]
    assert len(made) == 1
    service.discard()
    assert made[0].removed
    assert not service.is_running


def test_kafka_tells_clients_the_port_on_this_machine_and_listens_on_its_own(made: list[FakeContainer]) -> None:
    service = KafkaContainer(settings={"broker.session.timeout.ms": "3000"}).start()
    variables = made[0].variables
    assert variables["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://127.0.0.1:{service.port}"
    assert variables["KAFKA_LISTENERS"] == "PLAINTEXT://:9092,CONTROLLER://:9093"
    assert variables["KAFKA_BROKER_SESSION_TIMEOUT_MS"] == "3000"


def test_postgresql_takes_its_settings_and_password(made: list[FakeContainer]) -> None:
    service = PostgresqlContainer(settings={"fsync": "off"}).start()
    assert made[0].command == ["postgres", "-c", "fsync=off"]
    assert service.url_of("some") == f"postgresql://tracklog:{service.password}@127.0.0.1:{service.port}/some"
    assert made[0].variables["POSTGRES_PASSWORD"] == service.password


@pytest.mark.parametrize(
    ("property_name", "variable"),
    [("log.dirs", "KAFKA_LOG_DIRS"), ("a_b.c-d", "KAFKA_A__B_C___D")],
)
def test_a_property_of_kafka_is_a_variable_of_its_image(property_name: str, variable: str) -> None:
    assert variable_of(property_name) == variable


def test_docker_can_be_told_not_to_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: Any = docker_answers.__wrapped__
    monkeypatch.setattr(shutil, "which", lambda _name: "/bin/true")
    assert answered()
    monkeypatch.setenv("TRACKLOG_TEST_DOCKER", "0")
    assert not answered()


def test_docker_that_does_not_answer_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: Any = docker_answers.__wrapped__
    monkeypatch.setattr(shutil, "which", lambda _name: "/bin/false")
    assert not answered()
