"""The log, the read model and the progress that a process shares with others, opened by what `SharedStores` name."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from event_log.port import EventLog, EventLogReader, PartitionAssignment
from tracklog.distributed.sealing import check_choice, is_born_sealed, known_keys, unsealed_reads
from tracklog.settings.store_uris import KafkaTopic, PostgresqlDatabase, SettingRefused

if TYPE_CHECKING:
    from event_log.kafka.settings import KafkaSettings

LogPlace = PostgresqlDatabase | KafkaTopic


async def open_shared_log(place: LogPlace) -> EventLog:
    """The log at `place`, to append to; made where there is none.

    Raises LogUnavailable, ForeignLog, or SettingRefused.
    """
    if isinstance(place, PostgresqlDatabase):
        from event_log.postgresql.event_log import open_postgresql_log

        return await open_postgresql_log(place.dsn)
    from event_log.kafka.event_log import DEFAULT_PARTITIONS, open_kafka_log

    with _refused_settings():
        log = await open_kafka_log(
            _kafka_settings(place),
            partitions=place.partitions or DEFAULT_PARTITIONS,
            replication_factor=place.replication_factor or -1,
            seals=partial(is_born_sealed, place),
        )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        check_choice(place, seals=log.keys is not None)
        opened: EventLog = log
        if log.keys is not None:
            from event_log.sealing.sealed_log import SealedLog

            opened = SealedLog(log, await known_keys(place, await log.identity(), log.keys))
        stack.pop_all()
        return opened


async def open_shared_reader(place: LogPlace) -> EventLogReader:
    """The log at `place`, to read.

    Raises LogUnavailable, also while there is no topic yet, ForeignLog, or SettingRefused.
    """
    if isinstance(place, PostgresqlDatabase):
        from event_log.postgresql.event_log import open_postgresql_reader

        return await open_postgresql_reader(place.dsn)
    from event_log.kafka.event_log import open_kafka_reader

    with _refused_settings():
        reader = await open_kafka_reader(_kafka_settings(place))
    if reader.keys is None and not reader.is_new:
        return reader
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reader.close)
        opened = await unsealed_reads(place, reader, reader.keys)
        stack.pop_all()
        return opened


def assignment_in_group(place: LogPlace, group: str, partitions: int) -> PartitionAssignment:
    """Membership, not yet begun, of the group that shares the partitions of the log at `place`, of which it has so
    many."""
    if isinstance(place, PostgresqlDatabase):
        from event_log.postgresql.assignment import PostgresqlAssignment

        return PostgresqlAssignment(place.dsn, group)
    from event_log.kafka.assignment import KafkaAssignment

    return KafkaAssignment(_kafka_settings(place), group, partitions)


def _kafka_settings(place: KafkaTopic) -> "KafkaSettings":
    from event_log.kafka.settings import KafkaSettings

    return KafkaSettings.parse(place.uri, place.config_file)


@contextmanager
def _refused_settings() -> Iterator[None]:
    """What only the attempt to connect finds wrong, such as a certificate that is none, as a refused setting."""
    from event_log.kafka.settings import BadKafkaSettings

    try:
        yield
    except BadKafkaSettings as error:
        raise SettingRefused(str(error)) from error
