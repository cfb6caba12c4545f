"""A service for as long as a `with` lasts: a container where Docker answers, otherwise a process."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.services.containers import (
    KafkaContainer,
    MinioContainer,
    PostgresqlContainer,
    ServiceContainer,
    docker_answers,
)
from tests.services.kafka import QUICK_RETURN, Kafka
from tests.services.minio import Minio
from tests.services.postgresql import PRODUCTION, Postgresql
from tests.services.process import ServiceProcess

AnyPostgresql = Postgresql | PostgresqlContainer
AnyKafka = Kafka | KafkaContainer
AnyMinio = Minio | MinioContainer

Started = TypeVar("Started", bound=ServiceProcess | ServiceContainer)


def new_postgresql(folder: Path, settings: Mapping[str, str] = PRODUCTION) -> AnyPostgresql:
    """A PostgreSQL that is not started yet."""
    make = PostgresqlContainer if docker_answers() else Postgresql
    return make(folder, settings=settings)


def new_kafka(folder: Path, settings: Mapping[str, str] = QUICK_RETURN) -> AnyKafka:
    """A Kafka that is not started yet. As Kafka comes, it makes topics for whoever asks about them: nobody must."""
    settings = {"auto.create.topics.enable": "true", **settings}
    if docker_answers():
        return KafkaContainer(folder, settings=settings)
    return Kafka(folder, settings=settings, throwaway=True)


def new_minio(folder: Path) -> AnyMinio:
    """A MinIO that is not started yet."""
    return MinioContainer(folder) if docker_answers() else Minio(folder)


@contextmanager
def running_postgresql(settings: Mapping[str, str] = PRODUCTION) -> Iterator[AnyPostgresql]:
    """A PostgreSQL of one's own, which may be killed. Raises ServiceMissing."""
    with running(lambda folder: new_postgresql(folder, settings)) as service:
        yield service


@contextmanager
def running_kafka(settings: Mapping[str, str] = QUICK_RETURN) -> Iterator[AnyKafka]:
    """A Kafka of one's own, which may be killed. Raises ServiceMissing."""
    with running(lambda folder: new_kafka(folder, settings)) as service:
        yield service


@contextmanager
def running_minio() -> Iterator[AnyMinio]:
    """A MinIO of one's own, which may be killed. Raises ServiceMissing."""
    with running(new_minio) as service:
        yield service


@contextmanager
def running(make: Callable[[Path], Started]) -> Iterator[Started]:
    """A service on a folder of its own, started; killed and removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="tracklog-service-"))
    try:
        service = make(folder / "service")
        try:
            service.start()
            yield service
        finally:
            service.discard()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
