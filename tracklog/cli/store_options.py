"""The options by which every command finds the log and the read model."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.store_uris import (
    DEFAULT_DATA_FOLDER,
    LOG_FILE_NAME,
    EventLogPlace,
    KafkaOptions,
    SettingRefused,
    SharedStores,
    SqliteFile,
    Stores,
    event_log_of,
    stores_of,
)

Command = Callable[..., Any]

STORE_ENVIRONMENT: Final = {
    "--backend-store-uri": "MLFLOW_BACKEND_STORE_URI",
    "--event-log": "TRACKLOG_EVENT_LOG",
    "--kafka-config": "TRACKLOG_KAFKA_CONFIG",
    "--kafka-partitions": "TRACKLOG_KAFKA_PARTITIONS",
    "--kafka-replication-factor": "TRACKLOG_KAFKA_REPLICATION_FACTOR",
    "--kafka-sealed-payloads": "TRACKLOG_KAFKA_SEALED_PAYLOADS",
}


def with_stores(command: Command) -> Command:
    """Give `command` the parameter `stores`, from the options that name them."""
    return _store_options(_with_stores(command))


def _with_stores(command: Command) -> Command:
    @wraps(command)
    def with_options(**given: Any) -> Any:
        with reporting_bad_settings():
            stores: Stores = stores_of(*_taken(given))
        return command(stores=stores, **given)

    return with_options


def with_shared_stores(command: Command) -> Command:
    """As `with_stores`, for a command that is one process of several: a file of one process is refused."""

    @wraps(command)
    def with_options(*, stores: Stores, **given: Any) -> Any:
        return command(stores=shared(stores), **given)

    return _store_options(_with_stores(with_options), default="needed: postgresql://…")


def shared(stores: Stores) -> SharedStores:
    """The stores of a command that is one process of several. Raises BadUsage for a file of one process."""
    with reporting_bad_settings():
        if not isinstance(stores, SharedStores):
            name = click.get_current_context().command.name
            raise SettingRefused(
                f"`tracklog {name}` shares its stores with other processes, and {stores.event_log} is a file of "
                "one: name --backend-store-uri postgresql://…, or run `tracklog server`."
            )
    return stores


def with_event_log(command: Command) -> Command:
    """Give `command` the parameters `event_log`, and `stores`, which are None where only a log was named."""

    @wraps(command)
    def with_options(**given: Any) -> Any:
        backend_store_uri, event_log_uri, kafka = _taken(given)
        with reporting_bad_settings():
            place: EventLogPlace = event_log_of(backend_store_uri, event_log_uri, kafka)
            has_read_model = backend_store_uri is not None or isinstance(place, SqliteFile)
            stores = stores_of(backend_store_uri, event_log_uri, kafka) if has_read_model else None
            place = place if stores is None else stores.event_log  # which names the database of the keys
        return command(event_log=place, stores=stores, **given)

    return _store_options(with_options)


def _taken(given: dict[str, Any]) -> tuple[str | None, str | None, KafkaOptions]:
    """The options of the stores, taken out of what a command was given."""
    config_file: Path | None = given.pop("kafka_config")
    return (
        given.pop("backend_store_uri"),
        given.pop("event_log"),
        KafkaOptions(
            config_file=config_file,
            partitions=given.pop("kafka_partitions"),
            replication_factor=given.pop("kafka_replication_factor"),
            seals=given.pop("kafka_sealed_payloads"),
        ),
    )


def _store_options(
    command: Command, default: str = f"default: sqlite:///{DEFAULT_DATA_FOLDER / LOG_FILE_NAME}"
) -> Command:
    for option in reversed(
        (
            click.option(
                "--backend-store-uri",
                envvar=STORE_ENVIRONMENT["--backend-store-uri"],
                metavar="URI",
                help="The read model and, unless --event-log names another, the log: sqlite:///FILE or "
                f"postgresql://….  [{default}]",
            ),
            click.option(
                "--event-log",
                envvar=STORE_ENVIRONMENT["--event-log"],
                metavar="URI",
                help="The log: sqlite:///FILE, postgresql://… or kafka://host:port,…/topic.  "
                "[default: in the backend store]",
            ),
            click.option(
                "--kafka-config",
                envvar=STORE_ENVIRONMENT["--kafka-config"],
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                metavar="FILE",
                help="Settings of the connection to Kafka, such as those of TLS and SASL, by their ordinary names.",
            ),
            click.option(
                "--kafka-partitions",
                envvar=STORE_ENVIRONMENT["--kafka-partitions"],
                type=click.IntRange(1, 10_000),
                metavar="NUMBER",
                help="Partitions of a log in Kafka that is to be made; fixed from then on.  [default: 8]",
            ),
            click.option(
                "--kafka-replication-factor",
                envvar=STORE_ENVIRONMENT["--kafka-replication-factor"],
                type=click.IntRange(1, 100),
                metavar="NUMBER",
                help="Copies of a log in Kafka that is to be made.  [default: the brokers']",
            ),
            click.option(
                "--kafka-sealed-payloads/--no-kafka-sealed-payloads",
                envvar=STORE_ENVIRONMENT["--kafka-sealed-payloads"],
                default=None,
                help="Whether a log in Kafka that is to be made can forget: its payloads are sealed, each stream's "
                "under a key; fixed from then on.  [default: no]",
            ),
        )
    ):
        command = option(command)
    return command
