"""Which partitions this process follows: membership of a Kafka consumer group, and nothing else of a consumer.

The group assigns the partitions; they are read by other means, and checkpoints are kept elsewhere. So nothing is ever
fetched or committed here: every partition is paused as soon as it is assigned.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Set
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from event_log.kafka.settings import KafkaSettings
from event_log.port import LogUnavailable, MembershipRefused, PartitionAssignment

SESSION_TIMEOUT_MS: Final = 6000
"""A member that sends no heartbeat for so long loses its partitions. The least that brokers allow by default."""
_HEARTBEAT_MS: Final = 1000
_START_S: Final = 20.0
"""The first group of a cluster has to wait until the brokers have created the topic in which they keep groups."""
_NEVER_MS: Final = 2**31 - 1
"""aiokafka makes a member leave that has not asked for messages for so long; this one never asks."""
_CHECK_S: Final = 1.0
_ALL: Final = 2**31 - 1
_REQUEST_MS: Final = 10_000
"""Longer than a rebalance, in which members are answered when all have joined. Leaving takes at most as long."""


class KafkaAssignment(PartitionAssignment, ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of the group `group_id`.

    While the group assigns partitions anew, and while the brokers are away, it keeps those it had: when two members
    fold the same partition, one of them is fenced, and a pause at every change of the group would delay reads.
    `clock` tells seconds.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        group_id: str,
        of_the_log: int = _ALL,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`of_the_log` is how many partitions the log has; later ones of the topic are assigned to no member."""
        self._of_the_log = of_the_log
        self._clock = clock
        self._topic = settings.topic
        self._partitions: frozenset[int] = frozenset()
        self._changed = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=list(settings.bootstrap),
            client_id="tracklog-assignment",
            group_id=group_id,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            max_poll_interval_ms=_NEVER_MS,
            request_timeout_ms=_REQUEST_MS,
            **settings.connection_arguments(),
        )

    @property
    def partitions(self) -> Set[int]:
        return self._partitions

    async def start(self) -> None:
        """Join the group, and return when it has assigned partitions. Raises LogUnavailable."""
        # By a pattern, which makes the consumer ask for all topics: to ask for one by its name makes brokers create it.
        self._consumer.subscribe(pattern=rf"^{re.escape(self._topic)}$", listener=self)
        try:
            async with asyncio.timeout(_START_S):
                await self._consumer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self._consumer.stop()
            raise LogUnavailable(f"Kafka cannot be reached to share the partitions out: {error!r}") from error

    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        deadline = self._clock() + timeout_s
        while self._partitions == known and (left_s := deadline - self._clock()) > 0:
            await self._raise_refusal()
            self._changed.clear()
            try:
                async with asyncio.timeout(min(left_s, _CHECK_S)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        await self._consumer.stop()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by the consumer."""
        partitions = list(assigned)
        self._consumer.pause(*partitions)
        self._partitions = frozenset(one.partition for one in partitions if one.partition < self._of_the_log)
        self._changed.set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by the consumer. The partitions are kept until the next assignment is known."""

    async def _raise_refusal(self) -> None:
        """The consumer raises errors of the group, as of authorization, only when it is asked for messages."""
        try:
            await self._consumer.getmany(timeout_ms=0)
        except KafkaError as error:
            raise MembershipRefused(f"Kafka does not let this worker join the group: {error}") from error
