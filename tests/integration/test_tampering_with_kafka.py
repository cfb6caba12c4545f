"""Whoever may write a broker's disk changes nothing of a log unnoticed: its segments are written anew there, with their
checksums, while the broker is down. A way of tampering for each partition of a topic."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from event_log.kafka.event_log import open_kafka_log, open_kafka_reader
from event_log.kafka.settings import KafkaSettings
from event_log.port import EventLog
from event_log.proof.note import PrivateKey
from tests.contracts.event_log_contract import param
from tests.services.kafka import Kafka
from tests.services.missing import ServiceMissing, leave_out
from tests.services.running import running
from tracklog.proving.key_file import GivenKey
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.proving.verification import verify

KEY, STRANGER = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)
EVENTS = 60
TOPIC = "tampered"


class Record(NamedTuple):
    """A message, as the broker keeps it."""

    timestamp: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


Records = dict[int, Record]
"""What a partition holds, by offsets, which need not be without a gap."""


def changed(record: Record, *, value: bytes | None = None, **headers: bytes) -> Record:
    named = [(name, headers.get(name, held)) for name, held in record.headers]
    return record._replace(value=record.value if value is None else value, headers=named)


def of_one(offset: int, *, value: bytes | None = None, **headers: bytes) -> Callable[[Records], Records]:
    return lambda records: records | {offset: changed(records[offset], value=value, **headers)}


def moved_up(records: list[Record]) -> Records:
    return dict(enumerate(records))


def dropped(records: Records) -> Records:
    new = changed(records[0], ce_id=b"0192f0c1-2345-7000-8000-000000000000")
    return moved_up([record for offset, record in records.items() if offset != 17] + [new])


def inserted(records: Records) -> Records:
    new = changed(records[30], value=b"{}", ce_id=b"0192f0c1-2345-7000-8000-000000000000")
    held = list(records.values())
    return moved_up([*held[:30], new, *held[30:]])


def reordered(records: Records) -> Records:
    return records | {5: records[6], 6: records[5]}


TAMPERED: dict[str, tuple[Callable[[Records], Records], list[tuple[str, int]]]] = {
    "nothing": (lambda records: records, []),
    "payload": (of_one(17, value=b'{"run_id":"0"}'), [("payload changed", 17)]),
    "time": (of_one(17, ce_time=b"2020-01-01T00:00:00.000000Z"), [("envelope changed", 17)]),
    "stream": (of_one(17, ce_subject=b"run/other"), [("envelope changed", 17)]),
    "both": (of_one(17, value=b"{}", ce_requestid=b"other"), [("envelope and payload changed", 17)]),
    "dropped": (dropped, [("dropped", 17)]),
    "deleted": (lambda records: {at: one for at, one in records.items() if at != 17}, [("dropped", 17)]),
    "inserted": (inserted, [("inserted", 30)]),
    "reordered": (reordered, [("reordered", 5)]),
    "older": (lambda records: dict(list(records.items())[:40]), [("shorter than a checkpoint", 40)]),
}


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    """A broker whose disk can be written: always a process."""
    try:
        with running(lambda folder: Kafka(folder, throwaway=True)) as service:
            yield service
    except ServiceMissing as missing:
        leave_out(missing)


def write_anew(segment: Path, records: Records) -> None:
    """A segment as the broker would have written it, without its indexes, which are made of it."""
    leader_epoch = segment.read_bytes()[12:16]
    written = bytearray()
    for offset, record in records.items():
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
        builder.append(0, record.timestamp, record.key, record.value, record.headers)
        batch = bytearray(builder.build())
        # Neither the offset nor the leader's epoch is under the checksum of a batch.
        batch[0:8], batch[12:16] = offset.to_bytes(8, "big"), leader_epoch
        written += batch
    for file in segment.parent.glob(f"{segment.stem}.*"):
        file.unlink()
    segment.write_bytes(written)


async def one_stream_a_partition(log: EventLog) -> None:
    run = 0
    for partition in range(len(TAMPERED)):
        while log.partition_of(param(run, "p").stream) != partition:
            run += 1
        await log.append([param(run, "p", str(number)) for number in range(EVENTS)])


async def held_by(bootstrap: str) -> list[Records]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        found: list[Records] = [{} for _ in TAMPERED]
        consumer.assign([TopicPartition(TOPIC, partition) for partition in range(len(TAMPERED))])
        await consumer.seek_to_beginning()
        while sum(map(len, found)) < EVENTS * len(TAMPERED):
            for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                for one in records:
                    record = Record(one.timestamp, one.key, one.value, list(one.headers))
                    found[partition.partition][one.offset] = record
        return found
    finally:
        await consumer.stop()


@pytest.mark.service
async def test_a_topic_written_anew_on_the_disk_of_its_broker_is_found_out(kafka: Kafka, tmp_path: Path) -> None:
    settings = KafkaSettings.parse(f"kafka://{kafka.bootstrap}/{TOPIC}")
    log = await open_kafka_log(settings, partitions=len(TAMPERED))
    await one_stream_a_partition(log)
    log_id = await log.identity()
    store = SqliteProofStore(tmp_path / "log.proof", log_id)
    await Prover(log, log_id, store, GivenKey(KEY.text()), lambda: set(range(len(TAMPERED)))).round()
    await log.close()
    held = await held_by(kafka.bootstrap)
    kafka.stop()
    for partition, (tamper, _) in enumerate(TAMPERED.values()):
        segment = kafka.data_folder / f"{TOPIC}-{partition}" / f"{0:020}.log"
        write_anew(segment, tamper(held[partition]))
    kafka.start()
    reader = await open_kafka_reader(settings)
    kept = (await store.newest())[0].note  # of the partition that nobody changed
    given = kept.replace(f"\n{EVENTS}\n", f"\n{EVENTS + 1}\n"), STRANGER.sign(kept.partition("\n\n")[0] + "\n")
    report = await verify(reader, store, given, frozenset({KEY.public}), lambda _done, _all: None)
    await reader.close()
    await store.close()
    assert [one.kind.value for one in report.findings if one.partition is None] == ["checkpoint forged", "key replaced"]
    found: dict[str, list[tuple[str, int | None]]] = {name: [] for name in TAMPERED}
    names = list(TAMPERED)
    for one in report.findings:
        if one.partition is not None:
            found[names[one.partition]].append((one.kind.value, one.offset))
    assert found == {name: expected for name, (_, expected) in TAMPERED.items()}
