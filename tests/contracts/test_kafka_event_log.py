"""The Kafka adapter keeps the event log's contract, and its own promises, on a real broker."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.protocol.fetch import FetchRequest

from event_log.kafka.assignment import KafkaAssignment
from event_log.kafka.cloud_events import FOREIGN_TYPE
from event_log.kafka.cluster import KafkaCluster
from event_log.kafka.event_log import KafkaEventLog, open_kafka_log, open_kafka_reader
from event_log.kafka.settings import KafkaSettings
from event_log.port import (
    EventFilter,
    EventLogReader,
    EventTooLarge,
    ForeignLog,
    LogGone,
    LogOverloaded,
    LogReplaced,
    LogUnavailable,
)
from schemas import codec
from schemas.envelope import Actor, Position
from schemas.events import Param, RunDataLogged
from tests.contracts.event_log_contract import Damage, EventLogContract, event, everything, key_of, param
from tests.eventually import AT_MOST_S, until
from tests.services.given import GivenKafka
from tests.services.running import AnyKafka

FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}


@pytest.fixture
def settings(kafka_service: AnyKafka | GivenKafka, kafka_topic: str) -> KafkaSettings:
    return KafkaSettings.parse(f"kafka://{kafka_service.bootstrap}/{kafka_topic}")


@pytest.fixture
async def log(settings: KafkaSettings) -> AsyncIterator[KafkaEventLog]:
    log = await open_kafka_log(settings, partitions=3)
    yield log
    await log.close()


@pytest.fixture
async def admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(settings.bootstrap))
    await admin.start()
    yield admin
    await admin.close()


@pytest.fixture
async def foreign_producer(settings: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=list(settings.bootstrap))
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
def damage(log: KafkaEventLog, monkeypatch: pytest.MonkeyPatch) -> Damage:
    """A broker sends what its disk has, and leaves it to who reads to compare checksums."""
    damaged: set[Position] = set()
    ask = log._cluster.ask

    def changed(partition: int, messages: bytes) -> bytes:
        content, start = bytearray(messages), 0
        while start < len(content):
            first = int.from_bytes(content[start : start + 8], "big")
            end = start + 12 + int.from_bytes(content[start + 8 : start + 12], "big")
            if Position(partition, first) in damaged:
                content[end - 1] ^= 1
            start = end
        return bytes(content)

    async def ask_a_damaged_disk(broker: int, purpose: str, request: Any, timeout_s: float) -> Any:
        response = await ask(broker, purpose, request, timeout_s)
        if not isinstance(request, FetchRequest):
            return response
        topics = [
            (topic, [(partition, *rest, changed(partition, messages or b"")) for partition, *rest, messages in answers])
            for topic, answers in response.topics
        ]
        return SimpleNamespace(topics=topics)

    async def damage(position: Position) -> None:
        damaged.add(position)

    monkeypatch.setattr(log._cluster, "ask", ask_a_damaged_disk)
    return damage


class TestContract(EventLogContract):
    pass


async def test_events_outlive_a_close(settings: KafkaSettings) -> None:
    log = await open_kafka_log(settings, partitions=3)
    await log.append([param(1, "p")])
    before = await everything(log)
    await log.close()
    log = await open_kafka_log(settings)
    assert list(await log.partitions()) == [0, 1, 2]
    assert await everything(log) == before
    await log.close()


async def test_a_waiting_reader_in_another_process_is_woken_at_once_and_reads_without_asking_again(
    settings: KafkaSettings, log: KafkaEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.kafka.fetcher._LONG_POLL_MS", 3_600_000)  # it is not woken because its time is up
    reader = await open_kafka_reader(settings)
    requests: list[str] = []
    ask = reader._cluster.ask

    async def noting_ask(broker: int, purpose: str, request: Any, timeout_s: float) -> Any:
        requests.append(purpose)
        return await ask(broker, purpose, request, timeout_s)

    monkeypatch.setattr(reader._cluster, "ask", noting_ask)
    end = dict(await reader.end())
    for partition in end:
        assert await reader.read(partition, end[partition], limit=10) == []
    for number in range(20):
        requests.clear()
        waiting = asyncio.create_task(reader.wait_for_more(end, 3600))
        await until(lambda: requests)
        [position] = await log.append([param(number, "p")])
        async with asyncio.timeout(60):
            await waiting
        [read] = await reader.read(position.partition, end[position.partition], limit=10)
        assert read.offset == position.offset
        assert requests == ["wait-0"]
        end[position.partition] = read.offset + 1
    await reader.close()


async def test_readers_at_different_places_do_not_disturb_one_another(log: KafkaEventLog) -> None:
    [first, *rest] = await log.append([param(1, f"p{one}") for one in range(50)])
    offsets = [first.offset, *(position.offset for position in rest)]

    async def read_from(offset: int) -> list[int]:
        return [one.offset for one in await log.read(first.partition, offset, limit=5)]

    answers = await asyncio.gather(*(read_from(offset) for offset in offsets))
    assert answers == [offsets[index : index + 5] for index in range(50)]


async def test_more_than_one_answer_holds_is_read_whole_and_in_order(log: KafkaEventLog) -> None:
    large = RunDataLogged(run_id="a" * 32, params=[Param("p", uuid.uuid4().hex * 1000)])
    positions = await asyncio.gather(*(log.append([event(large)]) for _ in range(200)))
    partition = positions[0][0].partition
    offsets: list[int] = []
    while read := await log.read(partition, len(offsets), limit=1000):
        assert sum(len(one.payload) for one in read) < 8 * 1024 * 1024
        offsets.extend(one.offset for one in read)
    assert offsets == list(range(200))


async def test_places_of_several_partitions_are_read_together_however_large_their_batches(
    log: KafkaEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition_of_run = {log.partition_of(param(run, "p").ordering_unit): run for run in range(100)}
    assert len(partition_of_run) == 3
    for number in range(40):
        value = random.Random(number).randbytes(20_000 if number % 3 else 20).hex()
        await asyncio.gather(*(log.append([param(run, f"p{number}", value)]) for run in partition_of_run.values()))
    monkeypatch.delattr(EventLogReader, "read_at")  # which reads one place after another
    found = await asyncio.gather(*(log.read_at(one, range(0, 40, 2)) for one in partition_of_run))
    assert [[key_of(one) for one in events] for events in found] == [[f"p{one}" for one in range(0, 40, 2)]] * 3


async def test_a_filter_looks_through_everything_there_is(log: KafkaEventLog) -> None:
    await asyncio.gather(*(log.append([param(1, f"p{one}") for one in range(300)]) for _ in range(10)))
    [position] = await log.append([event(RunDataLogged(run_id=f"{1:032x}"), Actor("ada"))])
    [found] = await log.read(position.partition, 0, limit=1, matching=EventFilter(actor="ada"))
    assert found.offset == position.offset == 3000


async def test_any_kafka_consumer_reads_the_log(settings: KafkaSettings, log: KafkaEventLog) -> None:
    sent = event(RunDataLogged(run_id="a" * 32, params=[Param("lr", "0.1")]), Actor("ada", "10.0.0.7", "zoë/1"))
    [position] = await log.append([sent])
    consumer = AIOKafkaConsumer(bootstrap_servers=list(settings.bootstrap))
    await consumer.start()
    consumer.assign([TopicPartition(settings.topic, position.partition)])
    await consumer.seek_to_beginning()
    message = await consumer.getone()
    await consumer.stop()
    assert {name: value.decode() for name, value in message.headers} == {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.UUID(bytes=sent.id)),
        "ce_source": "/tracklog",
        "ce_type": "run.data-logged",
        "ce_dataversion": "1",
        "ce_subject": f"run/{'a' * 32}",
        "ce_time": _rfc3339(sent.time_us),
        "ce_actor": "ada",
        "ce_actoraddress": "10.0.0.7",
        "ce_useragent": "zoë/1",
        "ce_requestid": "request-1",
        "ce_partitions": "3",
        "ce_logid": await log.identity(),
        "content-type": "application/json",
    }
    assert message.key == f"run/{'a' * 32}".encode()
    assert message.value == codec.encode(sent.payload)
    assert json.loads(message.value)["params"] == [{"key": "lr", "value": "0.1"}]
    assert message.timestamp == sent.time_us // 1000


def _rfc3339(time_us: int) -> str:
    second, microsecond = divmod(time_us, 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{microsecond:06d}Z"


async def test_the_partition_is_the_one_that_any_kafka_producer_would_choose(log: KafkaEventLog) -> None:
    for number in range(100):
        unit = f"run/{number:032x}"
        assert log.partition_of(unit) == DefaultPartitioner()(unit.encode(), [0, 1, 2], [0, 1, 2])


async def test_what_others_wrote_into_the_topic_is_read_as_events_of_no_known_type(
    settings: KafkaSettings, log: KafkaEventLog, foreign_producer: AIOKafkaProducer
) -> None:
    sent = param(1, "p")
    [before] = await log.append([sent])
    partition = before.partition
    for key, value, headers in (
        (b"\xff", b"\x00garbage", []),
        (b"key", None, [("ce_type", b"run.created")]),
        (None, b"{}", [("ce_id", b"not a uuid"), ("ce_time", b"yesterday")]),
    ):
        await foreign_producer.send_and_wait(settings.topic, value, key, partition=partition, headers=headers)
    await log.append([sent])
    read = await log.read(partition, 0, limit=10)
    assert [one.type for one in read] == ["run.data-logged", *[FOREIGN_TYPE] * 3, "run.data-logged"]
    assert len({one.stream for one in read}) == 4
    assert json.loads(read[1].payload) == {"key": "\\xff", "headers": {}, "value": "\x00garbage"}
    with pytest.raises(codec.UndecodableEvent, match="not known"):
        codec.decode(read[1])


async def test_an_event_larger_than_a_message_may_be_is_refused_before_it_is_sent(log: KafkaEventLog) -> None:
    too_large = event(RunDataLogged(run_id="a" * 32, params=[Param("p", "x" * (33 * 1024 * 1024))]))
    with pytest.raises(EventTooLarge, match="at most 33554432"):
        await log.append([too_large])
    assert sum((await log.end()).values()) == 0


async def test_an_event_larger_than_the_topic_now_takes_is_refused_and_others_beside_it_are_not(
    settings: KafkaSettings, log: KafkaEventLog, admin: AIOKafkaAdminClient
) -> None:
    await log.append([param(1, "p")])
    configuration = {**FOREVER, "max.message.bytes": "2000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic, configuration)])
    large = event(RunDataLogged(run_id=f"{1:032x}", params=[Param("p", "".join(uuid.uuid4().hex for _ in range(200)))]))
    await _until(lambda: _outcome(log.append([large])), EventTooLarge)
    before = len(await everything(log))
    outcomes = await asyncio.gather(
        log.append([param(1, "a")]), log.append([large]), log.append([param(1, "b")]), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [list, EventTooLarge, list]
    assert len(await everything(log)) == before + 2


async def test_more_than_may_wait_is_refused_as_overload(log: KafkaEventLog) -> None:
    large = event(RunDataLogged(run_id="a" * 32, params=[Param("p", "x" * (12 * 1024 * 1024))]))
    outcomes = await asyncio.gather(*(log.append([large]) for _ in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [list, list, LogOverloaded, LogOverloaded]


async def test_an_append_that_nobody_waits_for_any_more_is_not_sent(log: KafkaEventLog) -> None:
    abandoned = asyncio.create_task(log.append([param(1, "abandoned")]))
    await asyncio.sleep(0)
    abandoned.cancel()
    await log.append([param(1, "p")])
    assert len(await everything(log)) == 1


async def test_a_new_topic_keeps_everything_for_ever(
    settings: KafkaSettings, log: KafkaEventLog, admin: AIOKafkaAdminClient
) -> None:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic)])
    configuration = {name: value for name, value, *_ in answer.resources[0][4]}
    assert {name: configuration[name] for name in FOREVER} == FOREVER
    assert int(configuration["max.message.bytes"]) >= 20 * 1024 * 1024


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ({**FOREVER, "retention.ms": "604800000"}, "retention.ms is 604800000"),
        ({**FOREVER, "retention.bytes": "1000000"}, "retention.bytes is 1000000"),
        ({**FOREVER, "cleanup.policy": "compact"}, "cleanup.policy=compact"),
        ({**FOREVER, "cleanup.policy": "compact,delete"}, "cleanup.policy=compact,delete"),
    ],
)
async def test_a_topic_that_forgets_is_refused(
    settings: KafkaSettings, admin: AIOKafkaAdminClient, configuration: dict[str, str], sentence: str
) -> None:
    await admin.create_topics([NewTopic(settings.topic, 2, 1, topic_configs=configuration)])
    with pytest.raises(ForeignLog, match=sentence):
        await open_kafka_log(settings)
    with pytest.raises(ForeignLog, match=sentence):
        await open_kafka_reader(settings)


async def test_a_topic_made_by_hand_that_keeps_everything_is_taken(
    settings: KafkaSettings, admin: AIOKafkaAdminClient
) -> None:
    await admin.create_topics([NewTopic(settings.topic, 2, 1, topic_configs=FOREVER)])
    log = await open_kafka_log(settings, partitions=8)
    assert list(await log.partitions()) == [0, 1]
    await log.close()


async def test_a_topic_that_got_more_partitions_goes_on_with_those_it_was_created_with(
    settings: KafkaSettings, log: KafkaEventLog, admin: AIOKafkaAdminClient, caplog: pytest.LogCaptureFixture
) -> None:
    sent = [param(number, "p") for number in range(20)]
    before = [(await log.append([one]))[0].partition for one in sent]
    await admin.create_partitions({settings.topic: NewPartitions(total_count=6)})
    await _until(lambda: _partitions_of(settings), 6)
    again = await open_kafka_log(settings)
    assert "has 6 partitions; its log goes on with the 3 that it was created with" in caplog.text
    for one in (log, again):
        assert [(await one.append([event]))[0].partition for event in sent] == before
        assert sorted(await one.end()) == list(await one.partitions()) == [0, 1, 2]
    assert len(await everything(again)) == 60
    await again.close()


async def _partitions_of(settings: KafkaSettings) -> int:
    cluster = KafkaCluster(settings)
    await cluster.refresh()
    await cluster.close()
    return cluster.partition_count


async def _until(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Wait until the brokers have all heard of a change."""
    async with asyncio.timeout(AT_MOST_S):
        while await look() != wanted:
            await asyncio.sleep(0.05)


async def _outcome(appending: Awaitable[object]) -> type[object]:
    """Of what type the answer of an append is."""
    [outcome] = await asyncio.gather(appending, return_exceptions=True)
    return type(outcome)


async def _identity(log: KafkaEventLog) -> str | type[Exception]:
    try:
        return await log.identity()
    except LogUnavailable as error:
        return type(error)


async def test_the_id_is_that_of_the_topic_for_whoever_opens_it(settings: KafkaSettings, log: KafkaEventLog) -> None:
    again, reader = await open_kafka_log(settings), await open_kafka_reader(settings)
    assert await log.identity() == await again.identity() == await reader.identity()
    await again.close()
    await reader.close()


async def test_a_deleted_topic_is_never_made_again_by_those_who_ask_for_it(
    settings: KafkaSettings, log: KafkaEventLog, admin: AIOKafkaAdminClient
) -> None:
    await log.append([param(1, "p")])
    assignment = KafkaAssignment(settings, f"{settings.topic}-group")
    await assignment.start()
    await admin.delete_topics([settings.topic])
    await _until(lambda: _identity(log), LogGone)
    with pytest.raises(LogUnavailable):
        await log.append([param(1, "q")])
    with pytest.raises(LogUnavailable):
        await log.end()
    for _ in range(20):  # brokers make a topic some time after they were asked
        await assignment._consumer._client.force_metadata_update()
        assert await _identity(log) is LogGone
        await asyncio.sleep(0.05)
    assert settings.topic not in await admin.list_topics()
    await assignment.close()


async def test_a_topic_that_was_deleted_and_made_anew_is_another_log_and_takes_nothing_from_those_who_had_it_open(
    settings: KafkaSettings, log: KafkaEventLog, admin: AIOKafkaAdminClient
) -> None:
    before = await log.identity()
    await log.append([param(1, "p")])
    await admin.delete_topics([settings.topic])
    await _until(lambda: _identity(log), LogGone)
    anew = await open_kafka_log(settings, partitions=3)
    await _until(lambda: _identity(log), LogReplaced)
    with pytest.raises(LogUnavailable):
        await log.append([param(1, "q")])
    assert await anew.identity() != before
    assert await everything(anew) == []
    await anew.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"retention.ms": "604800000"}, "retention.ms is 604800000"), ({"cleanup.policy": "compact"}, "cleanup.policy")],
)
async def test_a_topic_that_begins_to_forget_while_it_is_open_is_noticed(
    settings: KafkaSettings,
    log: KafkaEventLog,
    admin: AIOKafkaAdminClient,
    change: dict[str, str],
    sentence: str,
) -> None:
    async def fault() -> str:
        try:
            await log.check()
        except ForeignLog as error:
            return str(error)
        return ""

    assert await fault() == ""
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic, {**FOREVER, **change})])
    async with asyncio.timeout(AT_MOST_S):
        while sentence not in await fault():
            await asyncio.sleep(0.05)


async def test_a_topic_with_too_few_replicas_in_sync_is_said_to_take_nothing(
    log: KafkaEventLog, admin: AIOKafkaAdminClient, settings: KafkaSettings
) -> None:
    """Brokers answer every question then, and refuse every append."""

    async def fault() -> str:
        try:
            await log.check_appendable()
        except LogUnavailable as error:
            return error.message
        return ""

    few = f"Partition 0 of the topic {settings.topic} has 1 replicas in sync, and its min.insync.replicas is 2."
    assert await fault() == ""
    for change, sentence in (({"min.insync.replicas": "2"}, few), ({}, "")):
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic, {**FOREVER, **change})])
        await _until(fault, sentence)


async def test_a_topic_whose_beginning_was_deleted_is_refused(
    settings: KafkaSettings, log: KafkaEventLog, admin: AIOKafkaAdminClient
) -> None:
    [_, second] = await log.append([param(1, "p"), param(1, "q")])
    partition = TopicPartition(settings.topic, second.partition)
    await admin.delete_records({partition: RecordsToDelete(before_offset=second.offset)})
    with pytest.raises(ForeignLog, match="has lost the events"):
        await open_kafka_log(settings)
    with pytest.raises(ForeignLog, match="has lost the events"):
        await log.read(second.partition, 0, limit=1)
    with pytest.raises(ForeignLog, match="has lost the events"):
        await log.check()


async def test_a_checkpoint_past_the_end_finds_nothing_and_waits(
    log: KafkaEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    [position] = await log.append([param(1, "p")])
    beyond = {position.partition: position.offset + 10}
    assert await log.read(position.partition, position.offset + 10, limit=1) == []
    asked = []
    ask = KafkaCluster.ask

    async def counted(self: KafkaCluster, broker: int, purpose: str, *request: Any, **options: Any) -> Any:
        asked.append(purpose)
        return await ask(self, broker, purpose, *request, **options)

    monkeypatch.setattr(KafkaCluster, "ask", counted)
    await log.wait_for_more(beyond, 1)
    assert len(asked) < 20, "it asks again and again without waiting for an answer"


async def test_a_reader_of_a_topic_that_is_not_there_is_told_so(settings: KafkaSettings) -> None:
    with pytest.raises(LogUnavailable, match="no topic"):
        await open_kafka_reader(settings)


async def test_a_topic_that_cannot_have_its_replicas_yet_is_asked_for_again_later(settings: KafkaSettings) -> None:
    with pytest.raises(LogUnavailable, match="replicate"):
        await open_kafka_log(settings, replication_factor=30)


async def test_two_processes_that_create_the_topic_at_once_share_it(settings: KafkaSettings) -> None:
    logs = await asyncio.gather(open_kafka_log(settings, partitions=2), open_kafka_log(settings, partitions=2))
    await asyncio.gather(*(log.append([param(1, "p")]) for log in logs))
    assert len(await everything(logs[0])) == 2
    for log in logs:
        await log.close()
