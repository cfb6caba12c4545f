"""A member of a consumer group in a process of its own, to be killed and suspended.

Takes the log's address and the group's name, and prints its partitions as a JSON list, a line whenever they change.
"""

import asyncio
import json
import sys

from event_log.kafka.assignment import KafkaAssignment
from event_log.kafka.settings import KafkaSettings


async def follow(uri: str, group_id: str) -> None:
    assignment = KafkaAssignment(KafkaSettings.parse(uri), group_id)
    await assignment.start()
    while True:
        known = assignment.partitions
        print(json.dumps(sorted(known)), flush=True)  # noqa: T201
        await assignment.wait_for_change(known, 3600)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2]))
