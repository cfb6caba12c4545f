"""Where events and rows are kept: the URIs an operator names, checked once and put into one form.

Two houses make sense. Embedded: an SQLite log, with its read model beside it. Shared: a log in PostgreSQL or Kafka, and
the read model in PostgreSQL, so that several processes may use both.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

DEFAULT_DATA_FOLDER: Final = Path("tracklog-data")
LOG_FILE_NAME: Final = "tracklog.db"

BACKEND_STORE: Final = "--backend-store-uri"
EVENT_LOG: Final = "--event-log"

_POSTGRESQL_SCHEMES: Final = ("postgresql", "postgres")


class SettingRefused(ValueError):
    """A setting cannot be honoured; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A log in a file; `path` is absolute. Its read model lies beside it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgresqlDatabase:
    """A database that holds a Tracklog; `dsn` is `postgresql://…`, and may hold a password."""

    dsn: str = field(repr=False)

    def __str__(self) -> str:
        return redacted(self.dsn)


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """A topic that is the log. `partitions` and `replication_factor` are for a topic that is to be made.

    `seals`: whether its payloads are to be sealed, None for as they are. `keys` is the database in which the keys are.
    """

    uri: str
    config_file: Path | None = None
    partitions: int | None = None
    replication_factor: int | None = None
    seals: bool | None = None
    keys: PostgresqlDatabase | None = None

    def __str__(self) -> str:
        return redacted(self.uri)


EventLogPlace = SqliteFile | PostgresqlDatabase | KafkaTopic


@dataclass(frozen=True, slots=True)
class EmbeddedStores:
    """The log of a server that has it alone."""

    event_log: SqliteFile


@dataclass(frozen=True, slots=True)
class SharedStores:
    """A log and a read model that any number of processes use together."""

    event_log: PostgresqlDatabase | KafkaTopic
    read_model: PostgresqlDatabase


Stores = EmbeddedStores | SharedStores


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """The settings of a log in Kafka beside its URI; None for those that are not given."""

    config_file: Path | None = None
    partitions: int | None = None
    replication_factor: int | None = None
    seals: bool | None = None

    @property
    def given(self) -> list[str]:
        """The names of the options that were."""
        given = {
            "--kafka-config": self.config_file,
            "--kafka-partitions": self.partitions,
            "--kafka-replication-factor": self.replication_factor,
            "--kafka-sealed-payloads": self.seals,
        }
        return [name for name, value in given.items() if value is not None]


def stores_of(backend_store_uri: str | None, event_log_uri: str | None, kafka: KafkaOptions) -> Stores:
    """The stores that the options describe; without any an SQLite log in the default folder.

    Raises SettingRefused for what does not fit together.
    """
    backend = None if backend_store_uri is None else backend_store_of(backend_store_uri)
    log = event_log_of(backend_store_uri, event_log_uri, kafka)
    if isinstance(log, SqliteFile):
        if isinstance(backend, PostgresqlDatabase):
            raise SettingRefused(
                f"{EVENT_LOG} {log} is a file, and {BACKEND_STORE} {backend} a database: a log in SQLite has its "
                "read model beside it."
            )
        if backend is not None and backend != log:
            raise SettingRefused(
                f"{EVENT_LOG} {log} and {BACKEND_STORE} {backend} are two files: a log in SQLite has its read model "
                "beside it, so name one."
            )
        return EmbeddedStores(log)
    if backend is None:
        raise SettingRefused(
            f"{EVENT_LOG} {log} needs a read model in PostgreSQL: name it by {BACKEND_STORE} postgresql://…."
        )
    if isinstance(backend, SqliteFile):
        raise SettingRefused(
            f"{EVENT_LOG} {log} is for several processes, and {BACKEND_STORE} {backend} is a file of one: "
            "the read model of such a log is in PostgreSQL."
        )
    if isinstance(log, KafkaTopic):
        log = replace(log, keys=backend)
    return SharedStores(log, backend)


def event_log_of(backend_store_uri: str | None, event_log_uri: str | None, kafka: KafkaOptions) -> EventLogPlace:
    """Where the log is: as `--event-log` says, else in the backend store, else in the default folder.

    Raises SettingRefused.
    """
    log: EventLogPlace
    if event_log_uri is not None:
        log = _event_log_named(event_log_uri, kafka)
    elif backend_store_uri is not None:
        log = backend_store_of(backend_store_uri)
    else:
        log = SqliteFile((DEFAULT_DATA_FOLDER / LOG_FILE_NAME).absolute())
    if kafka.given and not isinstance(log, KafkaTopic):
        raise SettingRefused(f"{kafka.given[0]} is for a log in Kafka, and the log is {log}.")
    return log


def backend_store_of(uri: str) -> SqliteFile | PostgresqlDatabase:
    """The file or database that `--backend-store-uri` names.

    Raises SettingRefused.
    """
    if is_postgresql(uri):
        return PostgresqlDatabase(postgresql_dsn(uri, BACKEND_STORE))
    return SqliteFile(log_file_of(uri))


def _event_log_named(uri: str, kafka: KafkaOptions) -> EventLogPlace:
    if is_postgresql(uri):
        return PostgresqlDatabase(postgresql_dsn(uri, EVENT_LOG))
    if uri.startswith("kafka://"):
        return _kafka_topic(uri, kafka)
    return SqliteFile(log_file_of(uri, EVENT_LOG))


def _kafka_topic(uri: str, kafka: KafkaOptions) -> KafkaTopic:
    from event_log.kafka.settings import BadKafkaSettings, KafkaSettings

    try:
        KafkaSettings.parse(uri, kafka.config_file)
    except BadKafkaSettings as error:
        raise SettingRefused(str(error)) from error
    return KafkaTopic(uri, kafka.config_file, kafka.partitions, kafka.replication_factor, kafka.seals)


def is_postgresql(uri: str) -> bool:
    """Whether a URI names a database in PostgreSQL, with or without the driver that SQLAlchemy would use."""
    return uri.partition("://")[0].partition("+")[0] in _POSTGRESQL_SCHEMES and "://" in uri


def postgresql_dsn(uri: str, option: str) -> str:
    """`postgresql://…` for any way to write it: `postgres://`, or with a driver as in `postgresql+psycopg2://`.

    Raises SettingRefused when it names no database.
    """
    _scheme, _, rest = uri.partition("://")
    dsn = f"postgresql://{rest}"
    try:
        parts = urlsplit(dsn)
        # Several hosts may be named, separated by commas, of which the one that takes writes is found.
        _ports = [urlsplit(f"//{host}").port for host in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError as error:
        raise SettingRefused(f"{option} {redacted(uri)!r} is not a URI: {error}.") from error
    if len(parts.path) < 2 or parts.fragment or "\0" in dsn:
        raise SettingRefused(
            f"{option} {redacted(uri)!r} must look like postgresql://user:password@host:port/database."
        )
    return dsn


def log_file_of(uri: str, option: str = BACKEND_STORE) -> Path:
    """The file that a URI names: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a plain path.

    Raises SettingRefused.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        if ":" in uri.split("/", 1)[0]:
            raise SettingRefused(f"{option} {uri!r} is not a sqlite:/// or postgresql:// URI or a file's path.")
        return _log_path(uri, uri, option)
    if scheme != "sqlite":
        also = "sqlite:///FILE (three slashes for a relative path, four for an absolute one) or postgresql://…"
        more = " or kafka://…" if option == EVENT_LOG else ""
        raise SettingRefused(f"{option} {redacted(uri)!r} names a store this server cannot use; use {also}{more}.")
    if not rest.startswith("/") or "?" in rest or "#" in rest:
        raise SettingRefused(f"{option} {uri!r} must look like sqlite:///FILE, without a host or options.")
    return _log_path(unquote(rest[1:]), uri, option)


def _log_path(path: str, uri: str, option: str) -> Path:
    if not path or path == ":memory:" or "\0" in path:
        raise SettingRefused(f"{option} {uri!r} names no file, and a log that is not kept is no log.")
    file = Path(path).expanduser().absolute()
    if file.is_dir():
        raise SettingRefused(f"{option} {uri!r} names a folder; name a file in it.")
    return file


def redacted(uri: str) -> str:
    """`uri` without the passwords it may hold, for messages."""
    scheme, separator, rest = uri.partition("://")
    rest, question, query = rest.partition("?")
    account, at, place = rest.rpartition("@")
    shown = f"{account.split(':', 1)[0]}:***@{place}" if at and ":" in account else rest
    if question:
        pairs = parse_qsl(query, keep_blank_values=True)
        query = "&".join(f"{name}={'***' if 'password' in name else quote(value, safe='/')}" for name, value in pairs)
    return f"{scheme}{separator}{shown}{question}{query}"
