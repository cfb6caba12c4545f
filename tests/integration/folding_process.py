"""A projector worker in a process of its own, to be killed and suspended: `DSN LOG [ASSIGNMENT NAME]`.

LOG is a log in a file, ASSIGNMENT a file of JSON that gives each worker's partitions by its NAME and may change at any
time; or LOG is on Kafka, whose consumer groups share it out. Batches are small, and the worker rests after each, so
that there are many moments to be disturbed in.
"""

import asyncio
import json
import sys
from collections.abc import Set
from functools import partial
from pathlib import Path

from event_log.kafka.assignment import KafkaAssignment
from event_log.kafka.event_log import open_kafka_reader
from event_log.kafka.settings import KafkaSettings
from event_log.port import PartitionAssignment
from projector import batch
from projector.postgresql_projector import PostgresqlProjector
from projector.worker import Progress
from tests.integration.logs_in_files import open_kept

BATCH_EVENTS = 20
_REST_S = 0.01
_LOOK_S = 0.02


class AssignmentInFile(PartitionAssignment):
    """What the file says of this worker."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    @property
    def partitions(self) -> Set[int]:
        return frozenset(json.loads(self._path.read_text()).get(self._name, ()))

    async def start(self) -> None:
        pass

    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self.partitions == known and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        pass


async def _rest(progress: Progress) -> None:
    await asyncio.sleep(_REST_S)


async def fold_file(dsn: str, log: str, assignment: str, name: str) -> None:
    def member(generation: int) -> PartitionAssignment:
        return AssignmentInFile(Path(assignment), name)

    await PostgresqlProjector(dsn, await open_kept(Path(log)), member, publish=_rest).run()


async def fold_kafka(dsn: str, uri: str) -> None:
    settings = KafkaSettings.parse(uri)

    def member(generation: int) -> PartitionAssignment:
        return KafkaAssignment(settings, f"{settings.topic}-{generation}")

    await PostgresqlProjector(dsn, await open_kafka_reader(settings), member, publish=_rest).run()


if __name__ == "__main__":
    batch.take = partial(batch.take, max_events=BATCH_EVENTS)
    fold = fold_kafka if sys.argv[2].startswith("kafka://") else fold_file
    asyncio.run(fold(*sys.argv[1:]))
