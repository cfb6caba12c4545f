"""Connections to the brokers of a Kafka cluster, and which broker leads which partition of one topic.

aiokafka speaks the protocol (connections, SASL, TLS, requests, record batches). Its producer and consumer are not used:
docs/adr/0008-kafka-without-its-producer.md says why.
"""

import asyncio
import contextlib
import ssl
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.api import Request
from aiokafka.protocol.offset import OffsetRequest

from event_log.kafka.settings import KafkaSettings
from event_log.kafka.topic_metadata import TopicMetadataRequest, topic_in
from event_log.port import LogUnavailable

NO_ERROR: Final = 0

_CLIENT_ID: Final = "tracklog"
_CONNECT_S: Final = 2.0
_METADATA_S: Final = 2.0
_NEXT_BROKER_S: Final = 0.3
"""A broker that has not answered after so long is not waited for alone any more: the next one is asked, too."""
_NEVER_S: Final = 3600
"""The bound of aiokafka's own timers, which are not used: every request here has a bound of its own."""

_LATEST: Final = -1
_EARLIEST: Final = -2
_READ_UNCOMMITTED: Final = 0

_REFUSALS: Final = (
    errors.SaslAuthenticationFailed,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.AuthenticationFailedError,
    ssl.SSLCertVerificationError,
)

Address = tuple[str, int]


class BrokerAway(Exception):
    """No connection to the broker can be opened. The request was not sent."""


class BrokerRefuses(BrokerAway):
    """The broker refuses this process, or this process the broker's certificate: settings have to be changed."""


class NoAnswer(Exception):
    """The request may have been sent, and no answer came."""


class KafkaCluster:
    """The brokers, found from any of the bootstrap addresses, and found again whenever they move.

    A request that waits at the broker holds up those behind it on the same connection; so each `purpose` has
    connections of its own.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._arguments = settings.connection_arguments()
        self._connections: dict[tuple[Address, str], AIOKafkaConnection] = {}
        self._opening: dict[tuple[Address, str], asyncio.Lock] = {}
        self._brokers: dict[int, Address] = {}
        self._leaders: dict[int, int] = {}
        self._in_sync: dict[int, int] = {}
        self._cluster_id = ""
        self._topic_id: uuid.UUID | None = None
        self._is_replaced = False
        self._is_forbidden = False
        self._refreshing: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[Any]] = set()

    @property
    def topic(self) -> str:
        return self.settings.topic

    @property
    def topic_id(self) -> uuid.UUID:
        """The id of the topic as it was first found. Where brokers know no ids, one made of cluster id and name."""
        return self._topic_id or uuid.uuid5(uuid.NAMESPACE_URL, f"kafka://{self._cluster_id}/{self.topic}")

    @property
    def is_replaced(self) -> bool:
        """Whether another topic has the name now. It has no leaders then: nothing is read from it or sent to it."""
        return self._is_replaced

    @property
    def partition_count(self) -> int:
        """How many partitions the topic had when it was last asked about; 0 where there is no such topic."""
        return len(self._leaders)

    @property
    def is_forbidden(self) -> bool:
        """Whether the brokers hid the topic when they were last asked about it."""
        return self._is_forbidden

    @property
    def brokers(self) -> list[int]:
        """The brokers as far as they are known."""
        return [*self._brokers]

    def leader_of(self, partition: int) -> int | None:
        """The broker that leads a partition, as far as it is known."""
        leader = self._leaders.get(partition, -1)
        return leader if leader in self._brokers else None

    def in_sync(self, partition: int) -> int:
        """How many replicas of a partition had all that was acknowledged when they were last asked about."""
        return self._in_sync.get(partition, 0)

    async def refresh(self) -> None:
        """Ask again which broker leads which partition. Calls at one time share one request.

        Raises BrokerAway when no broker answers, BrokerRefuses when the last one that was asked refuses.
        """
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(_retrieve_exception)
        await asyncio.shield(self._refreshing)

    async def ask(self, broker: int, purpose: str, request: Request[Any], timeout_s: float) -> Any:
        """A broker's answer. Raises BrokerAway or NoAnswer."""
        address = self._brokers.get(broker)
        if address is None:
            raise BrokerAway(f"broker {broker} is not known")
        return await self._ask(address, purpose, request, timeout_s)

    async def ends(self, partitions: Iterable[int], timeout_s: float) -> dict[int, int]:
        """The offset after the last durable message of each partition. Raises LogUnavailable."""
        return await self._offsets(partitions, _LATEST, timeout_s)

    async def beginnings(self, partitions: Iterable[int], timeout_s: float) -> dict[int, int]:
        """The offset of the first message that is still there. Raises LogUnavailable."""
        return await self._offsets(partitions, _EARLIEST, timeout_s)

    async def first_at(self, partitions: Iterable[int], time_ms: int, timeout_s: float) -> dict[int, int | None]:
        """The offset of the first message whose time stamp is `time_ms` or later; None where there is none.

        Raises LogUnavailable.
        """
        found = await self._offsets(partitions, time_ms, timeout_s)
        return {partition: None if offset < 0 else offset for partition, offset in found.items()}

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError, BrokerAway):
                await self._refreshing
        # Requests that nothing waits for any more: they may be about to open a connection.
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        closing = [connection.close() for connection in self._connections.values()]
        self._connections.clear()
        await asyncio.gather(*(one for one in closing if one is not None))

    async def _offsets(self, partitions: Iterable[int], time: int, timeout_s: float) -> dict[int, int]:
        wanted = set(partitions)
        found: dict[int, int] = {}
        reason = "no broker answered"
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    rest = wanted - found.keys()
                    groups = self._by_leader(rest)
                    answers = await asyncio.gather(
                        *(self._offsets_of(broker, group, time, timeout_s) for broker, group in groups.items()),
                        return_exceptions=True,
                    )
                    for answer in answers:
                        if isinstance(answer, (BrokerAway, NoAnswer)):
                            reason = str(answer)
                        elif isinstance(answer, BaseException):
                            raise answer
                        else:
                            found |= answer
                    if found.keys() >= wanted:
                        return found
                    await self.refresh()
                    await asyncio.sleep(0.05)
        except BrokerAway as error:
            raise LogUnavailable(f"Kafka cannot be reached: {error}") from error
        except TimeoutError as error:
            raise LogUnavailable(f"Kafka did not say within {timeout_s:g} s where the log ends: {reason}") from error

    async def _offsets_of(self, broker: int, partitions: list[int], time: int, timeout_s: float) -> dict[int, int]:
        asked = [(self.topic, [(partition, time) for partition in partitions])]
        response = await self.ask(broker, "offsets", OffsetRequest(-1, _READ_UNCOMMITTED, asked), timeout_s)
        return {
            partition: offset
            for _, answers in response.topics
            for partition, code, _, offset in answers
            if code == NO_ERROR
        }

    def _by_leader(self, partitions: Iterable[int]) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for partition in partitions:
            leader = self.leader_of(partition)
            if leader is not None:
                groups.setdefault(leader, []).append(partition)
        return groups

    async def _refresh(self) -> None:
        """Ask one broker after another, and the next one already when a broker is slow: it may be gone silently."""
        request = TopicMetadataRequest(self.topic)
        asking: set[asyncio.Task[Any]] = set()
        failure: BaseException | None = None
        to_ask = [*dict.fromkeys([*self._brokers.values(), *_addresses(self.settings.bootstrap)])]
        try:
            while to_ask or asking:
                if to_ask:
                    task = asyncio.create_task(self._ask(to_ask.pop(0), "metadata", request, _METADATA_S))
                    asking.add(task)
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)
                done, asking = await asyncio.wait(
                    asking, timeout=_NEXT_BROKER_S if to_ask else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    failure = task.exception()
                    if failure is None and task.result().brokers:
                        self._learn(task.result())
                        return
                    if failure is not None and not isinstance(failure, (BrokerAway, NoAnswer)):
                        raise failure
        finally:
            for task in asking:
                task.add_done_callback(_retrieve_exception)
        kind = BrokerRefuses if isinstance(failure, BrokerRefuses) else BrokerAway
        raise kind(str(failure or "no broker is known")) from failure

    def _learn(self, response: Any) -> None:
        self._brokers = {broker: (host, port) for broker, host, port, *_ in response.brokers}
        self._cluster_id = response.cluster_id or ""
        topic = topic_in(response)
        if topic is None:
            return
        self._is_forbidden = bool(topic.error_code == errors.TopicAuthorizationFailedError.errno)
        if topic.error_code == NO_ERROR:
            if self._topic_id is None:
                self._topic_id = topic.id
            self._is_replaced = topic.id is not None and topic.id != self._topic_id
            self._leaders = {} if self._is_replaced else dict(topic.leaders)
            self._in_sync = dict(topic.in_sync)
        elif topic.error_code == errors.UnknownTopicOrPartitionError.errno:
            self._leaders = {}

    async def _ask(self, address: Address, purpose: str, request: Request[Any], timeout_s: float) -> Any:
        connection = await self._connection(address, purpose)
        try:
            async with asyncio.timeout(timeout_s):
                return await connection.send(request)
        except TimeoutError as error:
            connection.close()
            raise NoAnswer(f"{address[0]}:{address[1]} did not answer within {timeout_s:g} s") from error
        except (errors.KafkaError, OSError) as error:
            connection.close()
            raise NoAnswer(f"{address[0]}:{address[1]}: {error}") from error

    async def _connection(self, address: Address, purpose: str) -> AIOKafkaConnection:
        key = (address, purpose)
        connection = self._connections.get(key)
        if connection is not None and connection.connected():
            return connection
        async with self._opening.setdefault(key, asyncio.Lock()):
            connection = self._connections.get(key)
            if connection is None or not connection.connected():
                connection = self._connections[key] = await self._connect(address)
            return connection

    async def _connect(self, address: Address) -> AIOKafkaConnection:
        host, port = address
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await create_conn(
                    host, port, client_id=_CLIENT_ID, request_timeout_ms=_NEVER_S * 1000, **self._arguments
                )
        except TimeoutError as error:
            raise BrokerAway(f"{host}:{port} could not be connected to within {_CONNECT_S:g} s") from error
        except _REFUSALS as error:
            raise BrokerRefuses(f"{host}:{port}: {error}") from error
        except (errors.KafkaError, OSError) as error:
            raise BrokerAway(f"{host}:{port}: {error}") from error


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Retrieve a task's exception, so that asyncio does not report it when nothing waits for the task any more."""
    if not task.cancelled():
        task.exception()


def _addresses(bootstrap: Iterable[str]) -> Iterator[Address]:
    for one in bootstrap:
        host, _, port = one.rpartition(":")
        yield host.strip("[]"), int(port)
