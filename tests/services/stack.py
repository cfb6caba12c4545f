"""The whole distributed system as processes of this machine, with its data in one folder.

Kafka, PostgreSQL and MinIO, the roles, each as often as one likes, and nginx before them.
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from tests.services.kafka_cluster import KafkaCluster
from tests.services.kept_secret import kept_secret
from tests.services.nginx import Nginx
from tests.services.postgresql import execute
from tests.services.postgresql_pair import PostgresqlPair
from tests.services.process import ServiceProcess
from tests.services.role import RoleProcess
from tests.services.roles import PROJECTOR, ROLES, WEBHOOKS, Roles
from tests.services.running import AnyKafka, AnyMinio, AnyPostgresql, new_kafka, new_minio, new_postgresql
from tests.services.s3_bucket import REGION, s3_client
from tracklog.proxy.nginx import Role

DATABASE = "tracklog"
OWNER = "tracklog_server"
"""Who owns the database and may do nothing else: the roles need no superuser."""

BUCKET = "tracklog"
TOPIC = "tracklog"

Store = AnyKafka | KafkaCluster | AnyPostgresql | PostgresqlPair | AnyMinio
"""What keeps the data."""
Part = ServiceProcess | Store


class StackInUse(Exception):
    """Another process has the stack of this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How many processes of each role there are, what they are told beside what they need, and where the log is.

    `options` are by role. Without `kafka` the log is in PostgreSQL.
    """

    ingest: int = 1
    projectors: int = 1
    query: int = 1
    artifacts: int = 1
    webhooks: int = 0
    kafka: bool = True
    partitions: int | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def count_of(self, role: str) -> int:
        return {
            PROJECTOR: self.projectors,
            Role.INGEST.value: self.ingest,
            Role.QUERY.value: self.query,
            Role.ARTIFACTS.value: self.artifacts,
            WEBHOOKS: self.webhooks,
        }[role]


class Stack:
    """A distributed system on one folder; it may be stopped and started again.

    Each part, `kafka` (None without), `postgresql`, `minio`, `nginx` and the processes in `roles` by role, may be
    stopped, killed, suspended, resumed and started by itself. The stores are as tests want them, in containers where
    Docker answers, unless `make_...` say otherwise. `say` is told what starts and is ready.
    """

    def __init__(
        self,
        folder: Path,
        settings: StackSettings = StackSettings(),
        *,
        port: int | None = None,
        make_postgresql: Callable[[Path], AnyPostgresql | PostgresqlPair] = new_postgresql,
        make_kafka: Callable[[Path], AnyKafka | KafkaCluster] = new_kafka,
        make_minio: Callable[[Path], AnyMinio] = new_minio,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._say = say
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.settings = settings
        self.postgresql = make_postgresql(self.folder / "postgresql")
        self.kafka = make_kafka(self.folder / "kafka") if settings.kafka else None
        self.minio = make_minio(self.folder / "minio")
        counts = {role: settings.count_of(role) for role in ROLES}
        self._roles = Roles(self.folder, self.role_environment, counts, settings.options, port=port)
        self._lock: IO[bytes] | None = None

    @property
    def nginx(self) -> Nginx:
        return self._roles.nginx

    @property
    def roles(self) -> dict[str, list[RoleProcess]]:
        return self._roles.processes

    @property
    def url(self) -> str:
        """Where clients are to be pointed."""
        return self._roles.url

    @property
    def ingest(self) -> list[RoleProcess]:
        return self.roles[Role.INGEST.value]

    @property
    def projectors(self) -> list[RoleProcess]:
        return self.roles[PROJECTOR]

    @property
    def query(self) -> list[RoleProcess]:
        return self.roles[Role.QUERY.value]

    @property
    def artifacts(self) -> list[RoleProcess]:
        return self.roles[Role.ARTIFACTS.value]

    @property
    def services(self) -> list[Store]:
        """What keeps the data."""
        return [service for service in (self.postgresql, self.kafka, self.minio) if service is not None]

    @property
    def parts(self) -> Iterator[Part]:
        """Everything that runs, in the order of its start."""
        yield from self.services
        yield from self._roles.every_process
        yield self.nginx

    @property
    def database_url(self) -> str:
        """What the roles keep the read model in."""
        return with_account(self.postgresql.url_of(DATABASE), OWNER, self._owner_password())

    @property
    def event_log_uri(self) -> str:
        """What the roles keep the log in."""
        return f"kafka://{self.kafka.bootstrap}/{TOPIC}" if self.kafka is not None else self.database_url

    def start(self) -> Self:
        """Start everything, and return when it takes requests.

        Raises StackInUse, ServiceMissing, ServiceDidNotStartError.
        """
        self._take_folder()
        try:
            with ThreadPoolExecutor() as threads:
                for started in [threads.submit(self._start, service) for service in self.services]:
                    started.result()
            self._prepare_stores()
            self._say("The roles and the proxy start.")
            self._roles.start()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Stop everything in order: the door, then the roles, which answer what is under way, then the stores."""
        self._roles.stop()
        for service in (self.kafka, self.minio, self.postgresql):
            if service is not None and service.is_running:
                service.stop()
        self._let_folder_go()

    def kill(self) -> None:
        """End everything at once."""
        for part in self.parts:
            if part.is_running:
                part.kill()
        self._let_folder_go()

    def add(self, role: str) -> RoleProcess:
        """Start one more process of a role, and have the proxy use it."""
        return self._roles.add(role)

    def log_tails(self) -> str:
        """The last lines of every part, for tests that failed."""
        return "\n".join(part.log_tail() for part in self.parts)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def role_environment(self) -> Mapping[str, str]:
        """What tells a process of a role where everything is."""
        environment = {
            "MLFLOW_BACKEND_STORE_URI": self.database_url,
            "TRACKLOG_EVENT_LOG": self.event_log_uri,
            "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}/artifacts",
            "MLFLOW_S3_ENDPOINT_URL": self.minio.url,
            "AWS_ACCESS_KEY_ID": self.minio.access_key,
            "AWS_SECRET_ACCESS_KEY": self.minio.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }
        if self.settings.partitions is not None and self.kafka is not None:
            environment["TRACKLOG_KAFKA_PARTITIONS"] = str(self.settings.partitions)
        return {**environment, **self.settings.environment}

    def _prepare_stores(self) -> None:
        """The database and its owner, and the bucket, where they are not there yet."""
        superuser = self.postgresql.url
        password = self._owner_password()
        try:
            execute(superuser, f"CREATE ROLE {OWNER} LOGIN PASSWORD '{password}'")
        except asyncpg.DuplicateObjectError:
            execute(superuser, f"ALTER ROLE {OWNER} PASSWORD '{password}'")
        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            execute(superuser, f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        client = s3_client(self.minio)
        try:
            client.create_bucket(Bucket=BUCKET)
        except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
            pass
        finally:
            client.close()

    def _owner_password(self) -> str:
        """Made at the first start."""
        return kept_secret(self.folder / "database-password")

    def _start(self, service: Store) -> None:
        self._say(f"{service.name} starts.")
        service.start()
        self._say(f"{service.name} is ready.")

    def _take_folder(self) -> None:
        self._lock = (self.folder / "lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise StackInUse(f"A stack runs on {self.folder} already.") from error

    def _let_folder_go(self) -> None:
        if self._lock is not None:
            self._lock.close()


def with_account(url: str, user: str, password: str) -> str:
    """The URL with another account in it."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password)}@{address}"))
