"""The Kafka adapter keeps the event log's contract, and its own promises, on a real broker."""

from collections.abc import AsyncIterator

import pytest

from event_log.kafka_event_log import KafkaEventLog, open_kafka_log
from event_log.kafka_settings import KafkaSettings
from tests.contracts.event_log_contract import EventLogContract
from tests.services.fixtures import AnyKafka
from tests.services.given import GivenKafka


@pytest.fixture
def settings(kafka_service: AnyKafka | GivenKafka, kafka_topic: str) -> KafkaSettings:
    return KafkaSettings.parse(f"kafka://{kafka_service.bootstrap}/{kafka_topic}")


@pytest.fixture
async def log(settings: KafkaSettings) -> AsyncIterator[KafkaEventLog]:
    log = await open_kafka_log(settings, partitions=3)
    yield log
    await log.close()


class TestContract(EventLogContract):
    pass
