"""The same services as containers, where Docker answers."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.services.kafka import VERSION as KAFKA_VERSION
from tests.services.kafka import brokers_at, kafka_properties, random_uuid
from tests.services.kept_secret import new_secret
from tests.services.minio import ACCESS_KEY, minio_is_ready
from tests.services.ports import HOST, free_port
from tests.services.postgresql import PRODUCTION, SUPERUSER, can_connect
from tests.services.process import LOG_TAIL_LINES, READY_PAUSE_S, ServiceDidNotStartError

POSTGRESQL_IMAGE = "postgres:18"
KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
MINIO_IMAGE = "minio/minio:RELEASE.2025-09-07T16-13-09Z"

START_TIMEOUT_S = 300.0
"""The image may have to be pulled first."""

DOCKER_INFO_TIMEOUT_S = 20.0


@cache
def docker_answers() -> bool:
    """Whether containers can be started here; TRACKLOG_TEST_DOCKER=0 says not to."""
    docker = shutil.which("docker")
    if docker is None or os.environ.get("TRACKLOG_TEST_DOCKER") == "0":
        return False
    try:
        asked = subprocess.run([docker, "info"], capture_output=True, timeout=DOCKER_INFO_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


class ServiceContainer:
    """One service in one container, with the interface of ServiceProcess.

    The container stays between a kill or stop and the next start, and with it the data; its port on this machine is
    chosen here and stays too. `discard` removes it.
    """

    name: ClassVar[str]
    image: ClassVar[str]
    container_port: ClassVar[int]

    def __init__(self, folder: Path | None = None, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self._container: Any = None

    def environment(self) -> Mapping[str, str]:
        return {}

    def arguments(self) -> list[str]:
        return []

    def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def address(self) -> str:
        """host:port."""
        return f"{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the container is up, suspended or not."""
        if self._container is None:
            return False
        docker = self._docker()
        docker.reload()
        return docker.status in ("running", "paused")

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start the container and return when the service is ready, or raise ServiceDidNotStartError."""
        if self._container is None:
            self._container = self._made()
            self._container.start()
        else:
            self._docker().start()
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if not self.is_running or time.monotonic() > deadline:
                raise ServiceDidNotStartError(f"{self.name} in {self.image}\n{self.log_tail()}")
            time.sleep(READY_PAUSE_S)
        return self

    def stop(self) -> int:
        """Ask it to end, wait for that, and return the exit code."""
        docker = self._docker()
        docker.stop(timeout=30)
        return int(docker.wait()["StatusCode"])

    def kill(self) -> None:
        """SIGKILL."""
        docker = self._docker()
        docker.kill()
        docker.wait()

    def suspend(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        self._docker().pause()

    def resume(self) -> None:
        """Thaw it after `suspend`."""
        self._docker().unpause()

    def restart(self) -> Self:
        """Stop if running, and start again on the same data and port."""
        if self.is_running:
            self.stop()
        return self.start()

    def discard(self) -> None:
        """Remove the container and its data."""
        if self._container is not None:
            self._container.stop()
            self._container = None

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines that it printed."""
        if self._container is None:
            return ""
        printed: bytes = self._docker().logs(tail=lines)
        return f"--- end of the log of {self.image} ---\n{printed.decode(errors='replace')}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.discard()

    def _made(self) -> Any:
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(self.image).with_bind_ports(self.container_port, self.port)
        for name, value in self.environment().items():
            container = container.with_env(name, value)
        arguments = self.arguments()
        return container.with_command(arguments) if arguments else container

    def _docker(self) -> Any:
        if self._container is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._container.get_wrapped_container()


class PostgresqlContainer(ServiceContainer):
    """As `tests.services.postgresql.Postgresql`."""

    name = "postgresql"
    image = POSTGRESQL_IMAGE
    container_port = 5432

    def __init__(
        self, folder: Path | None = None, *, port: int | None = None, settings: Mapping[str, str] = PRODUCTION
    ) -> None:
        super().__init__(folder, port=port)
        self.password = new_secret()
        self._settings = dict(settings)

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{self.address}/{database}"

    def environment(self) -> Mapping[str, str]:
        return {"POSTGRES_USER": SUPERUSER, "POSTGRES_PASSWORD": self.password, "POSTGRES_DB": "postgres"}

    def arguments(self) -> list[str]:
        return ["postgres", *(word for name, value in self._settings.items() for word in ("-c", f"{name}={value}"))]

    def is_ready(self) -> bool:
        return can_connect(self.url)


class KafkaContainer(ServiceContainer):
    """As `tests.services.kafka.Kafka`."""

    name = "kafka"
    image = KAFKA_IMAGE
    container_port = 9092

    def __init__(
        self, folder: Path | None = None, *, port: int | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(folder, port=port)
        self._cluster_id = random_uuid()
        self._settings = dict(settings or {})

    @property
    def bootstrap(self) -> str:
        return self.address

    def environment(self) -> Mapping[str, str]:
        properties = {
            **kafka_properties(self.address, "localhost:9093", Path("/var/lib/kafka/data")),
            # Inside, it listens where it is; from outside it is found at the port chosen here.
            "listeners": f"PLAINTEXT://:{self.container_port},CONTROLLER://:9093",
            **self._settings,
        }
        return {
            "CLUSTER_ID": self._cluster_id,
            "KAFKA_HEAP_OPTS": "-Xms128m -Xmx384m",
            **{variable_of(name): value for name, value in properties.items()},
        }

    def is_ready(self) -> bool:
        return brokers_at(HOST, self.port) > 0


def variable_of(property_name: str) -> str:
    """The environment variable by which Kafka's image takes a line of server.properties."""
    return "KAFKA_" + property_name.replace("_", "__").replace("-", "___").replace(".", "_").upper()


class MinioContainer(ServiceContainer):
    """As `tests.services.minio.Minio`."""

    name = "minio"
    image = MINIO_IMAGE
    container_port = 9000
    access_key = ACCESS_KEY

    def __init__(self, folder: Path | None = None, *, port: int | None = None) -> None:
        super().__init__(folder, port=port)
        self.secret_key = new_secret()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def environment(self) -> Mapping[str, str]:
        return {"MINIO_ROOT_USER": self.access_key, "MINIO_ROOT_PASSWORD": self.secret_key, "MINIO_BROWSER": "off"}

    def arguments(self) -> list[str]:
        return ["server", "/data"]

    def is_ready(self) -> bool:
        return minio_is_ready(HOST, self.port)
