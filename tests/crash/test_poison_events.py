"""An event that this version cannot read stops its own stream only, is seen by its operator, and is folded once it can.

The event is put into the topic by a stock Kafka client, as a newer Tracklog that was rolled back would leave it; the
mended version is this one with a patch that makes it read that event.
"""

import asyncio
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.crash.distributed import DistributedSystem
from tests.crash.test_outages import Client, is_caught_up
from tests.eventually import AT_MOST_S, wait_until
from tests.services.missing import ServiceMissing, leave_out
from tests.services.role import RoleProcess
from tests.services.roles import PROJECTOR
from tests.services.stack import TOPIC, StackSettings
from tests.tracklog_server import REPOSITORY

WITHIN_S = AT_MOST_S
NEWER_VERSION = 99

MENDED = f"""
import msgspec
from schemas import codec

decode = codec.decode

def decode_newer(recorded):
    newer = recorded.version == {NEWER_VERSION}
    return decode(msgspec.structs.replace(recorded, version=1) if newer else recorded)

codec.decode = decode_newer
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributedSystem]:
    try:
        with DistributedSystem(tmp_path_factory.mktemp("poison") / "stack", StackSettings()) as running:
            yield running
    except ServiceMissing as missing:
        leave_out(missing)


def test_a_newer_event_stops_its_stream_and_is_folded_by_a_version_that_knows_it(
    system: DistributedSystem, tmp_path: Path
) -> None:
    client = Client(system.url)
    stopped, other = client.create_run(), client.create_run()
    for run_id in (stopped, other):
        assert client.log_metric(run_id, 1).status_code == 200
    assert client.steps(stopped) == [1]
    asyncio.run(append_newer(system, stopped, step=2))
    for run_id in (stopped, other):
        assert client.log_metric(run_id, 3).status_code == 200

    assert client.steps(other) == [1, 3]
    [projector] = system.projectors
    wait_until(lambda: gauge(projector, "tracklog_set_aside_events") == 2, WITHIN_S)
    listed = system.tracklog("events", "--set-aside")
    assert listed.returncode == 0, listed.stderr
    first, second = (json.loads(line) for line in listed.stdout.splitlines())
    assert {first["stream"], second["stream"]} == {f"run/{stopped}"}
    assert str(NEWER_VERSION) in first["reason"]
    assert client.steps(stopped) == [1]

    projector.stop()
    mended = mended_projector(system, tmp_path).start()
    try:
        wait_until(lambda: is_caught_up(client, stopped) and client.steps(stopped) == [1, 2, 3], WITHIN_S)
        assert gauge(mended, "tracklog_set_aside_events") == 0
        assert system.tracklog("events", "--set-aside").stdout == ""
    finally:
        mended.stop()


async def append_newer(system: DistributedSystem, run_id: str, step: int) -> None:
    """Append to a run what its last event was, with another step, as a version that nobody knows."""
    assert system.kafka is not None
    async with (
        AIOKafkaConsumer(bootstrap_servers=system.kafka.bootstrap) as consumer,
        AIOKafkaProducer(bootstrap_servers=system.kafka.bootstrap) as producer,
    ):
        places = [TopicPartition(TOPIC, one) for one in await producer.partitions_for(TOPIC)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        last = None
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for messages in (await consumer.getmany(timeout_ms=500)).values():
                last = next((one for one in reversed(messages) if one.key == f"run/{run_id}".encode()), last)
        assert last is not None
        payload = json.loads(last.value)
        payload["metrics"][0]["step"] = [step]
        changed = {"ce_id": str(uuid.uuid4()).encode(), "ce_dataversion": str(NEWER_VERSION).encode()}
        headers = [(name, changed.get(name, value)) for name, value in last.headers]
        await producer.send_and_wait(
            TOPIC, json.dumps(payload).encode(), key=last.key, partition=last.partition, headers=headers
        )


def mended_projector(system: DistributedSystem, folder: Path) -> RoleProcess:
    """A projector of a version that knows the event."""
    (folder / "sitecustomize.py").write_text(MENDED)
    environment = {**system.role_environment(), "PYTHONPATH": os.pathsep.join([str(folder), str(REPOSITORY)])}
    return RoleProcess(folder / "projector", PROJECTOR, 9, environment)


def gauge(process: RoleProcess, name: str) -> float:
    """The sum of a metric that a process tells."""
    text = requests.get(f"{process.url}/metrics", timeout=10).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))
