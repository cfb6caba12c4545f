"""What the Kafka log does while its broker is killed, away or silent, and when it comes back.

Every test compares the answer to each append with what is in the log at the end. How soon the answers come is tested
in virtual time, in `tests/unit/event_log/kafka`.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from event_log.kafka import producer
from event_log.kafka.assignment import KafkaAssignment
from event_log.kafka.event_log import KafkaEventLog, open_kafka_log
from event_log.kafka.settings import KafkaSettings
from event_log.port import LogUnavailable, OutcomeUnknown
from schemas import codec
from schemas.events import RunDataLogged
from tests.contracts.event_log_contract import event, everything, param
from tests.eventually import AT_MOST_S, until
from tests.services.running import AnyKafka

WRITERS = 12


@dataclass
class Answers:
    """What the appends of one test were answered, by the key of the param that each of them carried."""

    acknowledged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    under_way: int = 0
    is_over: bool = False
    writers: list[asyncio.Task[None]] = field(default_factory=list)

    async def write(self, log: KafkaEventLog, writer: int) -> None:
        """Append one after another to one stream until it is over; now and then two events in one append."""
        number = 0
        while not self.is_over:
            key = f"{writer}-{number:06d}"
            events = [param(writer, f"{key}-{part}") for part in range(1 + number % 2)]
            keys = [f"{key}-{part}" for part in range(1 + number % 2)]
            self.under_way += 1
            try:
                await log.append(events)
                self.acknowledged += keys
            except OutcomeUnknown:
                self.unknown += keys
            except LogUnavailable:
                self.refused += keys
                await asyncio.sleep(0.02)
            finally:
                self.under_way -= 1
            number += 1
            await asyncio.sleep(0.005)

    async def end(self) -> None:
        """Wait until every append has its answer."""
        self.is_over = True
        await asyncio.gather(*self.writers)

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
def settings(own_kafka: AnyKafka) -> KafkaSettings:
    return KafkaSettings.parse(f"kafka://{own_kafka.bootstrap}/events-{uuid.uuid4().hex[:16]}")


@pytest.fixture
async def log(settings: KafkaSettings) -> AsyncIterator[KafkaEventLog]:
    log = await open_kafka_log(settings, partitions=4)
    yield log
    await log.close()


@pytest.fixture
async def answers(log: KafkaEventLog) -> AsyncIterator[Answers]:
    answers = Answers()
    answers.writers += [asyncio.create_task(answers.write(log, writer)) for writer in range(WRITERS)]
    yield answers
    await answers.end()


async def until_acknowledged_again(answers: Answers) -> None:
    before = len(answers.acknowledged)
    await until(lambda: len(answers.acknowledged) >= before + 10 * WRITERS)


async def test_a_killed_broker_costs_no_acknowledged_append_and_doubles_none(
    own_kafka: AnyKafka, log: KafkaEventLog, answers: Answers
) -> None:
    for _ in range(2):
        await until_acknowledged_again(answers)
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.to_thread(own_kafka.start)
        await until_acknowledged_again(answers)
    await answers.end()
    await answers.agrees_with(log)


async def test_while_the_broker_is_away_appends_are_refused_at_once_and_taken_again_soon_after(
    own_kafka: AnyKafka, log: KafkaEventLog, answers: Answers
) -> None:
    await until_acknowledged_again(answers)
    await asyncio.to_thread(own_kafka.stop)
    await until(lambda: {key.split("-")[0] for key in answers.refused} == {str(writer) for writer in range(WRITERS)})
    for writer in range(WRITERS):
        with pytest.raises(LogUnavailable):
            log.append([param(writer, "refused")]).send(None)  # before it waits for anything
    with pytest.raises(LogUnavailable):
        await log.end()
    with pytest.raises(LogUnavailable):
        await log.read(0, 0, limit=1)
    await asyncio.to_thread(own_kafka.start)
    await until_acknowledged_again(answers)
    await answers.end()
    await answers.agrees_with(log)


async def test_a_silent_broker_leaves_appends_of_unknown_outcome_that_hold_up_no_later_one(
    own_kafka: AnyKafka, log: KafkaEventLog, answers: Answers
) -> None:
    await until_acknowledged_again(answers)
    own_kafka.suspend()
    with pytest.raises(LogUnavailable):
        await log.end()
    await until(lambda: answers.unknown and answers.refused)
    own_kafka.resume()
    await until_acknowledged_again(answers)
    await answers.end()
    await answers.agrees_with(log)


async def test_a_short_silence_is_waited_out(
    own_kafka: AnyKafka, log: KafkaEventLog, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "PATIENCE_S", AT_MOST_S)  # no silence of a test is longer
    monkeypatch.setattr(producer, "APPEND_TIMEOUT_S", AT_MOST_S)
    await until_acknowledged_again(answers)
    own_kafka.suspend()
    await until(lambda: answers.under_way == WRITERS)
    own_kafka.resume()
    await until_acknowledged_again(answers)
    await answers.end()
    assert (answers.unknown, answers.refused) == ([], [])
    await answers.agrees_with(log)


async def test_a_waiting_reader_outlives_a_restart(own_kafka: AnyKafka, log: KafkaEventLog) -> None:
    [position] = await log.append([param(1, "p")])
    waiting = asyncio.create_task(log.wait_for_more(await log.end(), 60))
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    assert not waiting.done()
    async with asyncio.timeout(AT_MOST_S):
        while True:
            try:
                await log.append([event(RunDataLogged(run_id=f"{1:032x}"))])
                break
            except LogUnavailable:
                await asyncio.sleep(0.1)
        await waiting
    assert len(await log.read(position.partition, 0, limit=10)) == 2


async def test_a_group_outlives_a_restart_and_is_left_quickly_while_the_broker_is_away(
    own_kafka: AnyKafka, settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than the test: who shares the partitions has not waited for sessions that ended with the old broker.
    monkeypatch.setattr("event_log.kafka.assignment.SESSION_TIMEOUT_MS", 600_000)
    log = await open_kafka_log(settings, partitions=4)
    await log.close()
    first, second, third = (KafkaAssignment(settings, "tracklog-group") for _ in range(3))
    await first.start()
    await second.start()
    await until(lambda: len(first.partitions) == 2)
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    assert len(first.partitions) == 2
    await third.start()
    await until(lambda: sorted(len(one.partitions) for one in (first, second, third)) == [1, 1, 2])
    await second.close()
    await until(lambda: len(first.partitions) == len(third.partitions) == 2)
    await third.close()
    await until(lambda: len(first.partitions) == 4)
    await asyncio.to_thread(own_kafka.kill)
    async with asyncio.timeout(60):
        await first.close()
