"""A log in Kafka that is born with sealed payloads: nothing in the topic is to be read without the keys, and none opens
what was forgotten."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from event_log.kafka.event_log import open_kafka_log, open_kafka_reader
from event_log.kafka.settings import KafkaSettings
from event_log.port import EventFilter, EventLog, EventLogReader, ForeignLog, LogUnavailable
from event_log.proof.leaf import leaf_of
from event_log.sealing import forgetting as key_forgetting
from event_log.sealing import known_keys
from event_log.sealing.sealed_log import SealedLog
from event_log.sealing.stream_key import CannotOpen, StreamKey
from schemas.envelope import RecordedEvent
from schemas.events import Erasure, RunErased
from schemas.forgotten import is_forgotten
from schemas.sealed import is_sealed
from tests.contracts.event_log_contract import event, everything, param
from tests.services.given import GivenKafka
from tests.services.kafka_topic import copy_topic, remove_topic
from tests.services.running import AnyKafka
from tracklog.distributed.shared_forgetting import forgetting_of
from tracklog.distributed.shared_log import open_shared_log, open_shared_reader
from tracklog.settings.store_uris import KafkaOptions, KafkaTopic, SettingRefused, SharedStores, stores_of

STREAM = f"run/{1:032x}"
SECRET = secrets.token_hex(300)


@pytest.fixture
def uri(kafka_service: AnyKafka | GivenKafka, kafka_topic: str) -> str:
    return f"kafka://{kafka_service.bootstrap}/{kafka_topic}"


@pytest.fixture(autouse=True)
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of keys is believed for no time, so that nobody has to wait."""
    for module in (known_keys, key_forgetting):
        monkeypatch.setattr(module, "LEASE_S", 0.0)


def named(uri: str, database: str, *, seals: bool | None) -> SharedStores:
    stores = stores_of(database, uri, KafkaOptions(partitions=3, seals=seals))
    assert isinstance(stores, SharedStores)
    return stores


@pytest.fixture
def stores(uri: str, postgresql_module_database: str) -> SharedStores:
    return named(uri, postgresql_module_database, seals=True)


@pytest.fixture
async def log(stores: SharedStores) -> AsyncIterator[EventLog]:
    log = await open_shared_log(stores.event_log)
    yield log
    await log.close()


async def stored(uri: str) -> list[RecordedEvent]:
    """The events as the topic holds them."""
    raw = await open_kafka_reader(KafkaSettings.parse(uri))
    try:
        return await everything(raw)
    finally:
        await raw.close()


async def test_the_topic_holds_nothing_that_can_be_read_and_readers_read_all_of_it(
    log: EventLog, stores: SharedStores, uri: str
) -> None:
    await log.append([param(1, "p", SECRET), param(1, "q")])
    await asyncio.gather(*(log.append([param(number, "p", SECRET)]) for number in range(2, 30)))
    reader = await open_shared_reader(stores.event_log)
    read, raw = await everything(reader), await stored(uri)
    assert len(read) == len(raw) == 30
    assert all(SECRET.encode() in one.payload or one.payload.endswith(b'"v"}]}') or b"q" in one.payload for one in read)
    assert all(is_sealed(one.payload) and SECRET.encode() not in one.payload for one in raw)
    assert [*map(leaf_of, raw)] == [*map(leaf_of, read)]
    of_stream = await reader.read(reader.partition_of(STREAM), 0, limit=9, matching=EventFilter(stream=STREAM))
    assert [one.stream for one in of_stream] == [STREAM, STREAM]
    assert await reader.read_at(of_stream[1].partition, [of_stream[1].offset]) == of_stream[1:]
    await reader.close()


async def test_no_key_that_is_kept_opens_what_was_forgotten(
    log: EventLog, stores: SharedStores, uri: str, postgresql_module_database: str
) -> None:
    erased = RunErased(run_id=f"{1:032x}", experiment_id=0, erasure=Erasure("asked to", [STREAM]))
    await log.append([param(1, "p", SECRET)])
    await log.append([param(2, "kept", SECRET)])
    await log.append([event(erased)])
    other = await open_shared_log(stores.event_log)
    before = await everything(other)
    raw = await stored(uri)
    assert len(await opened_by_any_key(postgresql_module_database, raw)) == 2
    async with AsyncExitStack() as stack:
        forgetting = await forgetting_of(stores, log, stack)
        assert forgetting.removes_payloads
        assert await forgetting.forget([STREAM]) == 1
        await forgetting.note_carried_out(0, 7)
        assert await forgetting.carried_out(0) == 7
    await log.append([param(1, "late", SECRET)])
    await other.append([param(1, "late", SECRET)])
    for reads in (log, other):
        after = [one for one in await everything(reads) if one.type != RunErased.event_type]
        assert {one.stream for one in after if is_forgotten(one.payload)} == {STREAM}
        assert [one.stream for one in after if not is_forgotten(one.payload)] == [f"run/{2:032x}"]
    opened = await opened_by_any_key(postgresql_module_database, await stored(uri))
    assert [one.stream for one in opened] == [f"run/{2:032x}"]
    leaves = {(one.partition, one.offset): leaf_of(one) for one in await everything(log)}
    assert all(leaves[one.partition, one.offset] == leaf_of(one) for one in before)
    await other.close()


async def opened_by_any_key(database: str, events: list[RecordedEvent]) -> list[RecordedEvent]:
    """Those of sealed events that one of the keys opens that are in the store."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("SELECT secret FROM tracklog_keys.stream_keys WHERE secret IS NOT NULL")
    finally:
        await connection.close()
    keys = [StreamKey(row[0]) for row in rows]
    return [one for one in events if any(opens(key, one) for key in keys)]


def opens(key: StreamKey, event: RecordedEvent) -> bool:
    try:
        key.open(event.id, event.stream, event.payload)
    except CannotOpen:
        return False
    return True


async def test_a_log_keeps_to_how_it_was_born(uri: str, postgresql_module_database: str) -> None:
    """Before and behind its first event."""
    database = postgresql_module_database
    sealed = await open_shared_log(named(uri, database, seals=True).event_log)
    with pytest.raises(ForeignLog, match="was born with sealed payloads and stays so: leave --no-kafka-sealed"):
        await open_shared_log(named(uri, database, seals=False).event_log)
    unsaid = await open_shared_log(named(uri, database, seals=None).event_log)
    reader = await open_shared_reader(named(uri, database, seals=None).event_log)  # while no event tells
    await unsaid.append([param(1, "p", SECRET)])
    assert [is_sealed(one.payload) for one in await stored(uri)] == [True]
    assert SECRET.encode() in (await everything(reader))[0].payload
    with pytest.raises(ForeignLog, match="leave --no-kafka-sealed-payloads away"):
        await open_shared_log(named(uri, database, seals=False).event_log)
    for one in (sealed, unsaid, reader):
        await one.close()


async def test_a_log_that_was_born_without_is_not_sealed_later(uri: str, postgresql_module_database: str) -> None:
    database = postgresql_module_database
    plain = await open_shared_log(named(uri, database, seals=None).event_log)
    with pytest.raises(ForeignLog, match="was born without sealed payloads and stays so: leave --kafka-sealed"):
        await open_shared_log(named(uri, database, seals=True).event_log)
    await plain.append([param(1, "p")])
    with pytest.raises(ForeignLog, match="was born without"):
        await open_shared_log(named(uri, database, seals=True).event_log)
    async with AsyncExitStack() as stack:
        forgetting = await forgetting_of(named(uri, database, seals=None), plain, stack)
        assert not forgetting.removes_payloads
    await plain.close()


async def test_a_log_from_before_there_was_a_choice_is_one_without(uri: str, postgresql_module_database: str) -> None:
    old = await open_kafka_log(KafkaSettings.parse(uri), partitions=3)
    await old.append([param(1, "p")])
    log = await open_shared_log(named(uri, postgresql_module_database, seals=None).event_log)
    assert not isinstance(log, SealedLog)
    assert [is_sealed(one.payload) for one in await everything(log)] == [False]
    await log.close()
    await old.close()


async def test_without_its_keys_a_log_is_not_opened(log: EventLog, uri: str, postgresql_database: str) -> None:
    """As when the database was made anew, or another is named."""
    await log.append([param(1, "p")])
    elsewhere = named(uri, postgresql_database, seals=None)
    for opening in (open_shared_log(elsewhere.event_log), open_shared_reader(elsewhere.event_log)):
        with pytest.raises(ForeignLog, match=r"its keys are not in postgresql://.*restore the schema tracklog_keys"):
            await opening
    with pytest.raises(SettingRefused, match="--backend-store-uri"):
        await open_shared_log(KafkaTopic(uri))
    reader: EventLogReader = await open_shared_reader(KafkaTopic(uri))
    [one] = await everything(reader)
    assert leaf_of(one) == leaf_of((await stored(uri))[0])
    assert b"no store of keys is named" in one.payload
    await reader.close()


async def test_a_new_log_of_sealed_payloads_needs_a_database(uri: str) -> None:
    with pytest.raises(SettingRefused, match="--kafka-sealed-payloads needs a database"):
        await open_shared_log(KafkaTopic(uri, seals=True))


async def test_a_foreign_message_in_it_is_set_aside_alone(log: EventLog, stores: SharedStores, uri: str) -> None:
    """Also as the first, when no message tells yet how the log was born."""
    place = stores.event_log
    assert isinstance(place, KafkaTopic)
    settings = KafkaSettings.parse(uri)
    producer = AIOKafkaProducer(bootstrap_servers=list(settings.bootstrap))
    await producer.start()
    await producer.send_and_wait(settings.topic, b"\x01 looks like one that is sealed", partition=0)
    await producer.stop()
    again = await open_shared_log(place)
    await again.append([param(1, "p", SECRET)])
    assert sorted(one.stream for one in await everything(again)) == ["foreign/0-0", STREAM]
    await again.close()


async def test_an_append_without_its_keys_is_refused_and_in_no_log(
    log: EventLog, postgresql_module_database: str, uri: str
) -> None:
    connection = await asyncpg.connect(postgresql_module_database)
    await connection.execute("ALTER SCHEMA tracklog_keys RENAME TO moved_away")
    try:
        with pytest.raises(LogUnavailable):
            await log.append([param(1, "p")])
        with pytest.raises(LogUnavailable):
            await log.check_appendable()
    finally:
        await connection.execute("ALTER SCHEMA moved_away RENAME TO tracklog_keys")
        await connection.close()
    assert await stored(uri) == []
    await log.append([param(1, "p")])
    await log.check_appendable()


async def test_a_mirror_opens_with_the_keys_of_its_topic(
    log: EventLog, stores: SharedStores, uri: str, kafka_topic: str, postgresql_module_database: str
) -> None:
    await log.append([param(1, "p", SECRET), param(1, "q")])
    mirror, bootstrap = f"{kafka_topic}-mirror", ",".join(KafkaSettings.parse(uri).bootstrap)
    try:
        await copy_topic(bootstrap, kafka_topic, mirror)
        named_mirror = named(f"{uri}-mirror", postgresql_module_database, seals=None)
        reader, writer = await open_shared_reader(named_mirror.event_log), await open_shared_log(named_mirror.event_log)
        assert await everything(reader) == await everything(log)
        # Of a partition that was empty the first message is the mirror's own.
        await asyncio.gather(*(writer.append([param(number, "p")]) for number in range(2, 30)))
        again = await open_shared_reader(named_mirror.event_log)
        assert [one.sealed for one in await everything(again)] == [one.payload for one in await stored(f"{uri}-mirror")]
        async with AsyncExitStack() as stack:
            assert await (await forgetting_of(named_mirror, writer, stack)).forget([STREAM]) == 1
        assert all(is_forgotten(one.payload) for one in await everything(log))
        for one in (reader, writer, again):
            await one.close()
    finally:
        await remove_topic(bootstrap, mirror)
