"""Rules of the stores: what URIs name, which of them fit together, and that no password is shown."""

from pathlib import Path

import pytest

from tracklog.settings.store_uris import (
    EmbeddedStores,
    KafkaOptions,
    KafkaTopic,
    PostgresqlDatabase,
    SettingRefused,
    SharedStores,
    SqliteFile,
    event_log_of,
    log_file_of,
    redacted,
    stores_of,
)

NO_KAFKA = KafkaOptions()
DATABASE = "postgresql://ann:secret@db:5432/tracklog"
TOPIC = "kafka://a:9092,b:9092/events"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:///data/a.db", "data/a.db"),
        ("sqlite:///with%20space.db", "with space.db"),
        ("a.db", "a.db"),
        ("./data/a.db", "data/a.db"),
    ],
)
def test_a_relative_log_lies_below_the_working_folder(here: Path, uri: str, path: str) -> None:
    assert log_file_of(uri) == here / path


def test_four_slashes_name_an_absolute_log() -> None:
    assert log_file_of("sqlite:////var/lib/tracklog.db") == Path("/var/lib/tracklog.db")


@pytest.mark.parametrize(
    "uri",
    [
        "mysql://user:secret@db/mlflow",
        "mysql+pymysql://db/mlflow",
        "mssql://db/mlflow",
        "kafka://host:9092/topic",
        "file:///tmp/mlruns",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/a.db",
        "sqlite:///a.db?mode=ro",
        "databricks:profile",
        "",
        "sqlite:///.",
        "postgresql://user:secret@db",
        "postgresql://db:port/x",
        "postgresql://db:5432,other:port/x",
    ],
)
def test_anything_but_a_file_or_a_postgresql_database_is_refused_as_backend_store(uri: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        stores_of(uri, None, NO_KAFKA)
    assert "secret" not in str(refused.value)
    assert str(refused.value).endswith((".", ")"))


def test_without_options_everything_is_embedded(here: Path) -> None:
    assert stores_of(None, None, NO_KAFKA) == EmbeddedStores(SqliteFile(here / "tracklog-data" / "tracklog.db"))


@pytest.mark.parametrize(
    "uri",
    [DATABASE, DATABASE.replace("postgresql", "postgres"), DATABASE.replace("postgresql", "postgresql+psycopg2")],
)
def test_a_database_is_log_and_read_model_however_its_driver_is_written(uri: str) -> None:
    database = PostgresqlDatabase(DATABASE)
    assert stores_of(uri, None, NO_KAFKA) == SharedStores(database, database)


def test_a_database_may_be_at_one_of_several_hosts() -> None:
    several = "postgresql://ann:secret@one:5432,two:5433/tracklog?target_session_attrs=primary"
    database = PostgresqlDatabase(several)
    assert stores_of(several, None, NO_KAFKA) == SharedStores(database, database)


def test_a_log_in_kafka_has_its_read_model_in_postgresql() -> None:
    kafka, database = KafkaOptions(partitions=3, replication_factor=2, seals=True), PostgresqlDatabase(DATABASE)
    topic = KafkaTopic(TOPIC, None, 3, 2, seals=True, keys=database)
    assert stores_of(DATABASE, TOPIC, kafka) == SharedStores(topic, database)


def test_the_log_may_be_named_by_either_option_when_it_is_a_file(here: Path) -> None:
    expected = EmbeddedStores(SqliteFile(here / "a.db"))
    assert stores_of(None, "sqlite:///a.db", NO_KAFKA) == expected
    assert stores_of("a.db", "sqlite:///a.db", NO_KAFKA) == expected


@pytest.mark.parametrize(
    ("backend", "log", "said"),
    [
        (DATABASE, "sqlite:///a.db", "beside it"),
        ("sqlite:///a.db", "sqlite:///b.db", "two files"),
        ("sqlite:///a.db", DATABASE, "is in PostgreSQL"),
        ("sqlite:///a.db", TOPIC, "is in PostgreSQL"),
        (None, TOPIC, "needs a read model in PostgreSQL"),
        (None, DATABASE, "needs a read model in PostgreSQL"),
        (DATABASE, "kafka://a:9092", "no name of a topic"),
        (DATABASE, "kafka:///topic", "no broker"),
        (DATABASE, "kafka://ann:secret@a:9092/topic", "--kafka-config"),
    ],
)
def test_stores_that_do_not_fit_together_are_refused_with_a_sentence(backend: str | None, log: str, said: str) -> None:
    with pytest.raises(SettingRefused, match=said) as refused:
        stores_of(backend, log, NO_KAFKA)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("backend", [None, DATABASE])
def test_options_of_kafka_are_refused_without_kafka(backend: str | None) -> None:
    with pytest.raises(SettingRefused, match="--kafka-partitions is for a log in Kafka"):
        stores_of(backend, None, KafkaOptions(partitions=3))


def test_a_log_can_be_named_without_a_read_model() -> None:
    assert event_log_of(None, TOPIC, NO_KAFKA) == KafkaTopic(TOPIC)


def test_only_the_passwords_of_a_uri_are_hidden() -> None:
    assert redacted("s3://bucket/path") == "s3://bucket/path"
    assert redacted("ftp://user:secret@host/x") == "ftp://user:***@host/x"
    assert redacted("postgresql://h/d?user=u&password=secret") == "postgresql://h/d?user=u&password=***"
    assert str(PostgresqlDatabase(DATABASE)) == "postgresql://ann:***@db:5432/tracklog"
    assert "secret" not in repr(stores_of(DATABASE, None, NO_KAFKA))
