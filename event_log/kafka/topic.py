"""The topic that holds the log: how it is created, and what is checked of it at every start."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest

from event_log.kafka.cloud_events import Birth, birth_in
from event_log.kafka.cluster import NO_ERROR, BrokerAway, BrokerRefuses, KafkaCluster, NoAnswer
from event_log.kafka.fetcher import KafkaFetcher
from event_log.port import ForeignLog, LogAccessRefused, LogUnavailable, LostEvents

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Of a topic that Tracklog creates: larger than any request MLflow's own limits let through."""

_ADMIN_S: Final = 10.0
_START_S: Final = 5.0
_LOOKS_FOR_LEADERS: Final = 200
_LOOK_EVERY_S: Final = 0.05
_OF_A_TOPIC: Final = 2
_PROBED_RECORDS: Final = 100
_REFUSED_FOR_GOOD: Final = frozenset(
    error.errno
    for error in (
        errors.InvalidTopicError,
        errors.InvalidPartitionsError,
        errors.InvalidConfigurationError,
        errors.PolicyViolationError,
        errors.TopicAuthorizationFailedError,
        errors.ClusterAuthorizationFailedError,
    )
)
_FOREVER: Final = "-1"
_KEPT_WHOLE: Final = ("delete", "")
"""No segment is ever due for deletion, and none is compacted. Newer brokers also know a policy of nothing."""


async def find_topic(cluster: KafkaCluster) -> bool:
    """Whether the topic is there, its leaders known. Raises LogUnavailable, LogAccessRefused."""
    try:
        await cluster.refresh()
    except BrokerRefuses as error:
        raise LogAccessRefused(f"Kafka does not let this process in: {error}") from error
    except BrokerAway as error:
        raise LogUnavailable(f"Kafka cannot be reached at {','.join(cluster.settings.bootstrap)}: {error}") from error
    if cluster.is_forbidden:
        raise LogAccessRefused(
            f"Kafka at {','.join(cluster.settings.bootstrap)} does not let this process see the topic "
            f"{cluster.topic}: it needs the rights Describe, DescribeConfigs, Read and Write."
        )
    return cluster.partition_count > 0


async def create_topic(
    cluster: KafkaCluster, *, partitions: int, replication_factor: int, min_insync_replicas: int | None
) -> None:
    """Create the topic, unless another process just did; a replication factor of -1 is the brokers' default.

    Raises LogUnavailable, or ForeignLog when the brokers refuse for good.
    """
    configuration = {
        "retention.ms": _FOREVER,
        "retention.bytes": _FOREVER,
        "cleanup.policy": "delete",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
    }
    if min_insync_replicas is not None:
        configuration["min.insync.replicas"] = str(min_insync_replicas)
    assignments_left_to_the_brokers: list[Any] = []
    topic = (
        cluster.topic,
        partitions,
        replication_factor,
        assignments_left_to_the_brokers,
        list(configuration.items()),
    )
    response = await _ask_any(cluster, CreateTopicsRequest([topic], int(_ADMIN_S * 1000), False))
    for _, code, reason in response.topic_errors:
        sentence = f"Kafka refuses to create the topic {cluster.topic}: {reason or errors.for_code(code).description}"
        if code in _REFUSED_FOR_GOOD:
            raise ForeignLog(sentence)
        if code not in (NO_ERROR, errors.TopicAlreadyExistsError.errno):
            raise LogUnavailable(sentence)  # as while not all brokers that are to have a replica are up
        if code == NO_ERROR:
            logger.info("created the topic %s of %d partitions for a new log", cluster.topic, partitions)
    for _ in range(_LOOKS_FOR_LEADERS):
        if await find_topic(cluster) and all(
            cluster.leader_of(partition) is not None for partition in range(cluster.partition_count)
        ):
            return
        await asyncio.sleep(_LOOK_EVERY_S)
    raise LogUnavailable(f"The topic {cluster.topic} was created, but has no leaders yet.")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that holds a log. `birth` is what its events say of that, `is_new` while there is none that does.

    `has_times_of_events`: the time stamps of its messages are those of the events, and not of the brokers.
    """

    birth: Birth
    is_new: bool
    max_message_bytes: int
    has_times_of_events: bool


async def check_topic(cluster: KafkaCluster, fetcher: KafkaFetcher) -> Topic:
    """See that the topic can be a source of truth.

    Raises ForeignLog when it expires, is compacted, has lost its beginning or some of its partitions; LogUnavailable.
    """
    configuration = await check_that_it_keeps_everything(cluster, range(cluster.partition_count))
    birth = await _birth(cluster, fetcher)
    return Topic(
        birth or Birth(cluster.partition_count, None),
        birth is None,
        int(configuration["max.message.bytes"]),
        configuration["message.timestamp.type"] == "CreateTime",
    )


async def check_that_it_keeps_everything(cluster: KafkaCluster, partitions: Sequence[int]) -> Mapping[str, str]:
    """See that the topic has lost no event and will lose none, and return its configuration.

    Raises ForeignLog, LogUnavailable.
    """
    configuration = await _configuration(cluster)
    _check_configuration(cluster.topic, configuration)
    for partition, beginning in (await cluster.beginnings(partitions, _START_S)).items():
        if beginning > 0:
            raise LostEvents(
                f"The topic {cluster.topic} has lost the events of partition {partition} before offset "
                f"{beginning}. What is left is not a whole log."
            )
    return configuration


async def check_that_enough_replicas_are_in_sync(cluster: KafkaCluster, partitions: Sequence[int]) -> None:
    """See that the brokers would take an append: every partition has a leader, and as many replicas as must have it.

    Raises LogUnavailable.
    """
    least = int((await _configuration(cluster))["min.insync.replicas"])
    if not await find_topic(cluster):
        raise LogUnavailable(f"The topic {cluster.topic} is not there.")
    for partition in partitions:
        if cluster.leader_of(partition) is None:
            raise LogUnavailable(f"Partition {partition} of the topic {cluster.topic} has no leader.")
        if cluster.in_sync(partition) < least:
            raise LogUnavailable(
                f"Partition {partition} of the topic {cluster.topic} has {cluster.in_sync(partition)} replicas in sync,"
                f" and its min.insync.replicas is {least}."
            )


def _check_configuration(topic: str, configuration: Mapping[str, str]) -> None:
    for name in ("retention.ms", "retention.bytes"):
        if configuration[name] != _FOREVER:
            raise ForeignLog(
                f"The topic {topic} forgets: its {name} is {configuration[name]}. The log is the truth and must keep "
                f"every event: kafka-configs.sh --alter --entity-type topics --entity-name {topic} "
                f"--add-config {name}=-1"
            )
    if configuration["cleanup.policy"] not in _KEPT_WHOLE:
        raise ForeignLog(
            f"The topic {topic} has cleanup.policy={configuration['cleanup.policy']}, which removes events of the "
            "past. The log needs a topic of its own with cleanup.policy=delete and no retention limit."
        )


async def _birth(cluster: KafkaCluster, fetcher: KafkaFetcher) -> Birth | None:
    """What the messages of the log say; None where there are none.

    The log has as many partitions as they say, whatever was added to the topic since. To use those that were added
    would give some streams another partition, and the order of their events would be lost.
    """
    there = cluster.partition_count
    for partition, end in (await cluster.ends(range(there), _START_S)).items():
        birth = await _birth_in(fetcher, partition) if end else None
        if birth is None:
            continue
        if birth.partitions > there:
            raise ForeignLog(
                f"The topic {cluster.topic} has {there} partitions, and its log was created with {birth.partitions}."
                " What is left is not a whole log."
            )
        if birth.partitions < there:
            logger.warning(
                "the topic %s has %d partitions; its log goes on with the %d that it was created with",
                cluster.topic,
                there,
                birth.partitions,
            )
        return birth
    return None


async def _birth_in(fetcher: KafkaFetcher, partition: int) -> Birth | None:
    """As the first event of a partition says; foreign messages are passed over."""
    records = await fetcher.records(partition, 0, limit=_PROBED_RECORDS, max_bytes=MAX_MESSAGE_BYTES)
    return next((birth for record in records if (birth := birth_in(record.headers)) is not None), None)


async def _configuration(cluster: KafkaCluster) -> dict[str, str]:
    names = [
        "retention.ms",
        "retention.bytes",
        "cleanup.policy",
        "max.message.bytes",
        "min.insync.replicas",
        "message.timestamp.type",
    ]
    response = await _ask_any(cluster, DescribeConfigsRequest([(_OF_A_TOPIC, cluster.topic, names)], False))
    for code, reason, _, _, entries in response.resources:
        if code != NO_ERROR:
            kind = LogAccessRefused if code == errors.TopicAuthorizationFailedError.errno else LogUnavailable
            raise kind(
                f"The configuration of the topic {cluster.topic} cannot be read: "
                f"{reason or errors.for_code(code).description}"
            )
        return {name: value or "" for name, value, *_ in entries}
    raise LogUnavailable(f"Kafka did not answer about the configuration of the topic {cluster.topic}.")


async def _ask_any(cluster: KafkaCluster, request: Any) -> Any:
    failure: Exception | None = None
    for broker in cluster.brokers:
        try:
            return await cluster.ask(broker, "admin", request, _ADMIN_S)
        except (BrokerAway, NoAnswer) as error:
            failure = error
    raise LogUnavailable(f"Kafka cannot be reached: {failure}") from failure
