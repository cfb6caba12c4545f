"""The log, the read model and the progress that a process shares with others, opened by what `SharedStores` name."""

from event_log.port import EventLog, EventLogReader, PartitionAssignment
from tracklog.store_uris import KafkaTopic, PostgresqlDatabase

LogPlace = PostgresqlDatabase | KafkaTopic


async def opened_log(place: LogPlace) -> EventLog:
    """The log at `place`, to append to; made where there is none.

    Raises LogUnavailable or ForeignLog.
    """
    if isinstance(place, PostgresqlDatabase):
        from event_log.postgresql_event_log import open_postgresql_log

        return await open_postgresql_log(place.dsn)
    from event_log.kafka_event_log import DEFAULT_PARTITIONS, open_kafka_log
    from event_log.kafka_settings import KafkaSettings

    return await open_kafka_log(
        KafkaSettings.parse(place.uri, place.config_file),
        partitions=place.partitions or DEFAULT_PARTITIONS,
        replication_factor=place.replication_factor or -1,
    )


async def opened_reader(place: LogPlace) -> EventLogReader:
    """The log at `place`, to read.

    Raises LogUnavailable, also while there is no topic yet, or ForeignLog.
    """
    if isinstance(place, PostgresqlDatabase):
        from event_log.postgresql_event_log import open_postgresql_reader

        return await open_postgresql_reader(place.dsn)
    from event_log.kafka_event_log import open_kafka_reader
    from event_log.kafka_settings import KafkaSettings

    return await open_kafka_reader(KafkaSettings.parse(place.uri, place.config_file))


def assignment_in_group(place: LogPlace, group: str) -> PartitionAssignment:
    """Membership, not yet begun, of the group that shares the partitions of the log at `place`."""
    if isinstance(place, PostgresqlDatabase):
        from event_log.postgresql_assignment import PostgresqlAssignment

        return PostgresqlAssignment(place.dsn, group)
    from event_log.kafka_assignment import KafkaAssignment
    from event_log.kafka_settings import KafkaSettings

    return KafkaAssignment(KafkaSettings.parse(place.uri, place.config_file), group)
