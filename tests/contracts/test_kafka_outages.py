"""What the Kafka log does while its broker is killed, away or silent, and when it comes back.

Every test compares what each append was told with what is in the log at the end.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from event_log.kafka.assignment import KafkaAssignment
from event_log.kafka.event_log import KafkaEventLog, open_kafka_log
from event_log.kafka.producer import APPEND_TIMEOUT_S, PATIENCE_S
from event_log.kafka.settings import KafkaSettings
from event_log.port import LogUnavailable, OutcomeUnknown
from schemas import codec
from schemas.events import RunDataLogged
from tests.contracts.event_log_contract import event, everything, param
from tests.services.fixtures import AnyKafka

WRITERS = 12
SLACK_S = 1.5
"""For a busy machine."""


@dataclass
class Told:
    """What the appends of one test were answered, by the key of the param that each of them carried."""

    acknowledged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    refusals_s: list[float] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, log: KafkaEventLog, writer: int) -> None:
        """Append one after another to one stream until told to stop; now and then two events in one append."""
        number = 0
        while not self.stop.is_set():
            key = f"{writer}-{number:06d}"
            events = [param(writer, f"{key}-{part}") for part in range(1 + number % 2)]
            keys = [f"{key}-{part}" for part in range(1 + number % 2)]
            started = time.monotonic()
            try:
                await log.append(events)
                self.acknowledged += keys
            except OutcomeUnknown:
                self.unknown += keys
            except LogUnavailable:
                self.refused += keys
                self.refusals_s.append(time.monotonic() - started)
                await asyncio.sleep(0.02)
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            number += 1
            await asyncio.sleep(0.005)

    async def agrees_with(self, log: KafkaEventLog) -> None:
        """What was acknowledged is there once and in order, what was refused is not, and no append is there by half."""
        keys: list[str] = []
        for one in await everything(log):
            payload = codec.decode(one)
            assert isinstance(payload, RunDataLogged)
            keys.append(payload.params[0].key)
        count = Counter(keys)
        assert [key for key, times in count.items() if times > 1] == []
        assert [key for key in self.acknowledged if key not in count] == []
        assert [key for key in self.refused if key in count] == []
        assert [key for key in self.unknown if (key in count) != (f"{key[:-1]}0" in count)] == []
        known = set(self.acknowledged)
        for writer in range(WRITERS):
            mine = [key for key in keys if key in known and key.startswith(f"{writer}-")]
            assert mine == sorted(mine)


@pytest.fixture
async def log(own_kafka: AnyKafka) -> AsyncIterator[KafkaEventLog]:
    log = await open_kafka_log(KafkaSettings.parse(f"kafka://{own_kafka.bootstrap}/events"), partitions=4)
    yield log
    await log.close()


@pytest.fixture
async def told(log: KafkaEventLog) -> AsyncIterator[Told]:
    told = Told()
    writers = [asyncio.create_task(told.write(log, writer)) for writer in range(WRITERS)]
    yield told
    told.stop.set()
    await asyncio.gather(*writers)


async def settled(told: Told) -> None:
    told.stop.set()
    await asyncio.sleep(APPEND_TIMEOUT_S / 5)


async def until_acknowledged_again(told: Told, within_s: float) -> None:
    before = len(told.acknowledged)
    async with asyncio.timeout(within_s):
        while len(told.acknowledged) < before + 10 * WRITERS:
            await asyncio.sleep(0.02)


async def test_a_killed_broker_costs_no_acknowledged_append_and_doubles_none(
    own_kafka: AnyKafka, log: KafkaEventLog, told: Told
) -> None:
    for _ in range(2):
        await until_acknowledged_again(told, 20)
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(own_kafka.start)
        await until_acknowledged_again(told, 20)
    await settled(told)
    assert told.longest_s < APPEND_TIMEOUT_S + SLACK_S
    await told.agrees_with(log)


async def test_while_the_broker_is_away_appends_are_refused_at_once_and_taken_again_soon_after(
    own_kafka: AnyKafka, log: KafkaEventLog, told: Told
) -> None:
    await until_acknowledged_again(told, 20)
    await asyncio.to_thread(own_kafka.stop)
    await asyncio.sleep(PATIENCE_S + SLACK_S)
    told.refusals_s.clear()
    await asyncio.sleep(3)
    assert len(told.refusals_s) > WRITERS
    assert max(told.refusals_s) < PATIENCE_S  # none waited
    asked = time.monotonic()
    with pytest.raises(LogUnavailable):
        await log.end()
    assert time.monotonic() - asked < 2 + SLACK_S
    with pytest.raises(LogUnavailable):
        await log.read(0, 0, limit=1)
    await asyncio.to_thread(own_kafka.start)
    returned = time.monotonic()
    await until_acknowledged_again(told, 10)
    assert time.monotonic() - returned < 3 + SLACK_S
    await settled(told)
    assert told.longest_s < APPEND_TIMEOUT_S + SLACK_S
    await told.agrees_with(log)


async def test_a_silent_broker_leaves_appends_of_unknown_outcome_that_hold_up_no_later_one(
    own_kafka: AnyKafka, log: KafkaEventLog, told: Told
) -> None:
    await until_acknowledged_again(told, 20)
    own_kafka.suspend()
    asked = time.monotonic()
    with pytest.raises(LogUnavailable):
        await log.end()
    assert time.monotonic() - asked < 2 + SLACK_S
    await asyncio.sleep(APPEND_TIMEOUT_S + SLACK_S)
    assert told.unknown
    assert told.refused
    own_kafka.resume()
    await until_acknowledged_again(told, 20)
    await settled(told)
    assert told.longest_s < APPEND_TIMEOUT_S + SLACK_S
    await told.agrees_with(log)


async def test_a_short_silence_is_waited_out(own_kafka: AnyKafka, log: KafkaEventLog, told: Told) -> None:
    await until_acknowledged_again(told, 20)
    own_kafka.suspend()
    await asyncio.sleep(PATIENCE_S / 3)
    own_kafka.resume()
    await until_acknowledged_again(told, 10)
    await settled(told)
    assert (told.unknown, told.refused) == ([], [])
    await told.agrees_with(log)


async def test_a_waiting_reader_outlives_a_restart(own_kafka: AnyKafka, log: KafkaEventLog) -> None:
    [position] = await log.append([param(1, "p")])
    waiting = asyncio.create_task(log.wait_for_more(await log.end(), 60))
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    assert not waiting.done()
    async with asyncio.timeout(20):
        while True:
            try:
                await log.append([event(RunDataLogged(run_id=f"{1:032x}"))])
                break
            except LogUnavailable:
                await asyncio.sleep(0.1)
        await waiting
    assert len(await log.read(position.partition, 0, limit=10)) == 2


async def test_a_group_outlives_a_restart_and_is_left_quickly_while_the_broker_is_away(own_kafka: AnyKafka) -> None:
    settings = KafkaSettings.parse(f"kafka://{own_kafka.bootstrap}/events")
    log = await open_kafka_log(settings, partitions=4)
    await log.close()
    first, second = KafkaAssignment(settings, "tracklog-group"), KafkaAssignment(settings, "tracklog-group")
    await first.start()
    await second.start()
    async with asyncio.timeout(20):
        while len(first.partitions) != 2:
            await first.wait_for_change(first.partitions, 20)
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    assert len(first.partitions) == 2
    await second.close()
    async with asyncio.timeout(20):
        while len(first.partitions) != 4:
            await first.wait_for_change(first.partitions, 20)
    await asyncio.to_thread(own_kafka.kill)
    asked = time.monotonic()
    await first.close()
    assert time.monotonic() - asked < 10
