"""Topics of tests, removed after them."""

from aiokafka.admin import AIOKafkaAdminClient


async def remove_topic(bootstrap: str, topic: str) -> None:
    """Delete a topic, if the test has made it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if topic in await admin.list_topics():
            await admin.delete_topics([topic])
    finally:
        await admin.close()
