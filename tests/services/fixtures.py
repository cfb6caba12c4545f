"""The services that tests ask for: started once a run when the first test asks, emptied after each test.

A service that runs already is used where the environment names it (`tests.services.given`); otherwise one is started,
in a container where Docker answers and as a process where it does not. Where neither can be had the test is skipped,
or fails in continuous integration.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.services.azure_container import make_container
from tests.services.azurite import Azurite
from tests.services.fake_gcs import FakeGcs, make_bucket
from tests.services.ftpd import Ftpd
from tests.services.given import (
    GivenKafka,
    GivenMysql,
    GivenPostgresql,
    GivenS3,
    given_kafka,
    given_mysql,
    given_postgresql,
    given_s3,
)
from tests.services.hdfs import Hdfs
from tests.services.kafka_topic import remove_topic
from tests.services.keycloak import Keycloak
from tests.services.mariadb import Mariadb, MysqlDatabase, fresh_database
from tests.services.missing import ServiceMissing, leave_out
from tests.services.postgresql import PRODUCTION, THROWAWAY, execute, run_apart
from tests.services.running import (
    AnyKafka,
    AnyMinio,
    AnyPostgresql,
    running,
    running_kafka,
    running_minio,
    running_postgresql,
)
from tests.services.s3_bucket import fresh_bucket_name, remove_bucket, s3_client
from tests.services.sshd import Sshd
from tests.services.sumdb import binary as sumdb_binary

Service = TypeVar("Service")


@contextmanager
def _running(service: AbstractContextManager[Service]) -> Iterator[Service]:
    """The service, or the test left out where it cannot be had."""
    try:
        with service as started:
            yield started
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.fixture(scope="session")
def postgresql_service() -> Iterator[AnyPostgresql | GivenPostgresql]:
    """PostgreSQL for the whole run; `.url` is a superuser's. It must not be stopped: see `own_postgresql`."""
    given = given_postgresql()
    if given is not None:
        yield given
        return
    with _running(running_postgresql(THROWAWAY)) as service:
        yield service


@pytest.fixture
def postgresql_database(postgresql_service: AnyPostgresql | GivenPostgresql) -> Iterator[str]:
    """The URL of an empty database of the test's own, dropped afterwards."""
    yield from _database(postgresql_service)


@pytest.fixture(scope="module")
def postgresql_module_database(postgresql_service: AnyPostgresql | GivenPostgresql) -> Iterator[str]:
    """The URL of an empty database that the tests of one module share, dropped afterwards."""
    yield from _database(postgresql_service)


def _database(service: AnyPostgresql | GivenPostgresql) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    execute(service.url, f"CREATE DATABASE {name}")
    yield service.url_of(name)
    execute(service.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def mysql_service() -> Iterator[Mariadb | GivenMysql]:
    """A server that speaks MySQL's protocol for the whole run; `.url` is of a user who may make databases."""
    given = given_mysql()
    if given is not None:
        yield given
        return
    with _running(running(Mariadb)) as service:
        yield service


@pytest.fixture
def mysql_database(mysql_service: Mariadb | GivenMysql) -> Iterator[MysqlDatabase]:
    """An empty database of the test's own, dropped afterwards."""
    with fresh_database(mysql_service.url) as database:
        yield database


@pytest.fixture(scope="session")
def kafka_service() -> Iterator[AnyKafka | GivenKafka]:
    """Kafka for the whole run; `.bootstrap` is host:port. It must not be stopped: see `own_kafka`."""
    given = given_kafka()
    if given is not None:
        yield given
        return
    with _running(running_kafka()) as service:
        yield service


@pytest.fixture
def kafka_topic(kafka_service: AnyKafka | GivenKafka) -> Iterator[str]:
    """The name of a topic that is not there yet, removed afterwards if the test made it."""
    yield from _topic(kafka_service)


def _topic(service: AnyKafka | GivenKafka) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:16]}"
    yield name
    run_apart(remove_topic(service.bootstrap, name))


@pytest.fixture(scope="session")
def s3_service() -> Iterator[AnyMinio | GivenS3]:
    """A store that speaks S3 for the whole run: `.url`, `.access_key`, `.secret_key`. See also `own_minio`."""
    given = given_s3()
    if given is not None:
        yield given
        return
    with _running(running_minio()) as service:
        yield service


@pytest.fixture(scope="session")
def s3_admin(s3_service: AnyMinio | GivenS3) -> Any:
    """A blocking client of the store, for setting up and looking at what is there."""
    return s3_client(s3_service)


@pytest.fixture
def s3_bucket(s3_admin: Any) -> Iterator[str]:
    """The name of an empty bucket of the test's own, removed afterwards with all that is in it."""
    name = fresh_bucket_name()
    s3_admin.create_bucket(Bucket=name)
    yield name
    remove_bucket(s3_admin, name)


@pytest.fixture
def own_postgresql() -> Iterator[AnyPostgresql]:
    """A PostgreSQL that the test may stop, kill and suspend; it keeps what was committed as one in production does."""
    with _running(running_postgresql(PRODUCTION)) as service:
        yield service


@pytest.fixture(scope="module")
def module_kafka() -> Iterator[AnyKafka]:
    """The Kafka that `own_kafka` gives to one test after another: to make it takes longer than most of them."""
    with _running(running_kafka()) as service:
        yield service


@pytest.fixture
def own_kafka(module_kafka: AnyKafka) -> AnyKafka:
    """A Kafka that the test may stop, kill and suspend. It has the topics of earlier tests of the module."""
    if not module_kafka.is_running:
        module_kafka.start()
    return module_kafka


@pytest.fixture
def own_minio() -> Iterator[AnyMinio]:
    """A MinIO that the test may stop, kill and suspend."""
    with _running(running_minio()) as service:
        yield service


@pytest.fixture(scope="session")
def sftp_service() -> Iterator[Sshd]:
    """An OpenSSH server for the whole run; it reaches every folder of this machine that the tests reach."""
    with _running(running(Sshd)) as service:
        yield service


@pytest.fixture(scope="session")
def ftp_service() -> Iterator[Ftpd]:
    """An FTP server for the whole run: `.user`, `.password`, `.port`."""
    with _running(running(Ftpd)) as service:
        yield service


@pytest.fixture(scope="session")
def azure_service() -> Iterator[Azurite]:
    """An emulator of Azure Blob Storage for the whole run: `.endpoint`, `.connection_string`."""
    with _running(running(Azurite)) as service:
        yield service


@pytest.fixture
def azure_container(azure_service: Azurite) -> str:
    """The name of an empty container of the test's own; it goes with the emulator."""
    name = fresh_bucket_name()
    make_container(azure_service.endpoint, name)
    return name


@pytest.fixture(scope="session")
def gcs_service() -> Iterator[FakeGcs]:
    """An emulator of Google Cloud Storage for the whole run: `.url`."""
    with _running(running(FakeGcs)) as service:
        yield service


@pytest.fixture
def gcs_bucket(gcs_service: FakeGcs) -> str:
    """The name of an empty bucket of the test's own; it goes with the emulator."""
    name = fresh_bucket_name()
    make_bucket(gcs_service.url, name)
    return name


@pytest.fixture(scope="session")
def hdfs_service() -> Iterator[Hdfs]:
    """An HDFS for the whole run: `.url` of its WebHDFS."""
    with _running(running(Hdfs)) as service:
        yield service


@pytest.fixture(scope="session")
def keycloak_service() -> Iterator[Keycloak]:
    """A Keycloak for the whole run, with nothing in it; it is heavy."""
    with _running(running(Keycloak)) as service:
        yield service


@pytest.fixture(scope="session")
def sumdb() -> Path:
    """A program that checks proofs with the code of Go's checksum database: see `tests.services.sumdb.said`."""
    try:
        return sumdb_binary()
    except ServiceMissing as missing:
        leave_out(missing)
