"""Topics of tests, mirrored and removed after them."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "33554432"}


async def remove_topic(bootstrap: str, topic: str) -> None:
    """Delete a topic, if the test has made it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if topic in await admin.list_topics():
            await admin.delete_topics([topic])
    finally:
        await admin.close()


async def copy_topic(bootstrap: str, source: str, target: str) -> None:
    """As a mirror does: the same messages in the same partitions, of which there are three."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    for client in (admin, consumer, producer):
        await client.start()
    try:
        partitions = [TopicPartition(source, one) for one in range(3)]
        consumer.assign(partitions)
        await admin.create_topics([NewTopic(target, 3, 1, topic_configs=FOREVER)])
        ends = await consumer.end_offsets(partitions)
        for one in partitions:
            consumer.seek(one, 0)
        left = sum(ends.values())
        async with asyncio.timeout(30):
            while left:
                for one, messages in (await consumer.getmany(timeout_ms=1000)).items():
                    for message in messages:
                        await producer.send_and_wait(
                            target, message.value, message.key, one.partition, headers=list(message.headers)
                        )
                    left -= len(messages)
    finally:
        for client in (producer, consumer, admin):
            await client.stop() if client is not admin else await client.close()
