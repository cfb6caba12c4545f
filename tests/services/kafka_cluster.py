"""Apache Kafka with several brokers, each of which is also a controller: every topic on all, one may be missing."""

import asyncio
import contextlib
import shutil
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.services.cache import cached
from tests.services.kafka import QUICK_RETURN, VERSION, Kafka, format_folder, random_uuid
from tests.services.ports import HOST, free_port
from tests.services.postgresql import run_apart
from tests.services.process import LOG_TAIL_LINES, ServiceDidNotStopError

BROKERS: Final = 3
IN_SYNC_WITHIN_S: Final = 120.0
"""A broker without a log copies all of it; the rest is for a busy machine."""
LOOK_PAUSE_S: Final = 0.1
_STOP_S: Final = 20.0
_NOT_THE_LOG: Final = ("__cluster_metadata-0", "meta.properties")


class Broker(Kafka):
    """One of several; `voters` are the addresses of all their controllers, by node."""

    def __init__(self, folder: Path, node: int, controllers: Mapping[int, int], settings: Mapping[str, str]) -> None:
        self.node = node
        self.name = f"kafka-{node}"
        voters = ",".join(f"{one}@{HOST}:{port}" for one, port in controllers.items())
        count = str(len(controllers))
        super().__init__(
            folder,
            throwaway=True,
            settings={
                "node.id": str(node),
                "controller.quorum.voters": voters,
                "default.replication.factor": count,
                "min.insync.replicas": str(len(controllers) - 1),
                "offsets.topic.replication.factor": count,
                "offsets.topic.num.partitions": "4",
                "transaction.state.log.replication.factor": count,
                **settings,
            },
        )
        self._controller_port = controllers[node]

    def prepare(self) -> None:
        if not (self.data_folder / "meta.properties").exists():
            # Formatted once for all: a cluster's id is the same in each of its folders, and the rest is each one's own.
            shutil.copytree(cached(f"kafka-{VERSION}-formatted", format_folder), self.data_folder)
            file = self.data_folder / "meta.properties"
            own = {"node.id": str(self.node), "directory.id": random_uuid()}
            kept = [line for line in file.read_text().splitlines() if line.partition("=")[0] not in own]
            file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in own.items()), ""]))
        super().prepare()

    def copy_log(self, to: Path) -> None:
        """Keep what its partitions hold; it must not run."""
        shutil.copytree(self.data_folder, to, ignore=lambda _, names: [name for name in names if name in _NOT_THE_LOG])

    def replace_log(self, by: Path | None) -> None:
        """Have it start with the log of an earlier moment, or with none; it must not run."""
        for one in self.data_folder.iterdir():
            if one.name not in _NOT_THE_LOG:
                shutil.rmtree(one) if one.is_dir() else one.unlink()
        if by is not None:
            shutil.copytree(by, self.data_folder, dirs_exist_ok=True)


class KafkaCluster:
    """Three brokers as one service. What was acknowledged is on two of them at least."""

    name = "kafka"

    def __init__(self, folder: Path, settings: Mapping[str, str] = QUICK_RETURN) -> None:
        controllers = {node: free_port() for node in range(1, BROKERS + 1)}
        self.brokers = [Broker(folder / f"broker-{node}", node, controllers, settings) for node in controllers]

    @property
    def bootstrap(self) -> str:
        """host:port of each, for clients."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    @property
    def address(self) -> str:
        """host:port of each, for people."""
        return self.bootstrap

    @property
    def is_running(self) -> bool:
        return any(broker.is_running for broker in self.brokers)

    def start(self) -> Self:
        """Start those that do not run, at once: two are needed before one is ready. Raises ServiceDidNotStartError."""
        stopped = [broker for broker in self.brokers if not broker.is_running]
        for broker in stopped:
            broker.spawn()
        for broker in stopped:
            broker.wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop them at once. One that is left without a quorum waits for it with its offices, and is killed."""
        with ThreadPoolExecutor() as threads:
            for stopped in [threads.submit(broker.stop, _STOP_S) for broker in self.brokers if broker.is_running]:
                with contextlib.suppress(ServiceDidNotStopError):
                    stopped.result()

    def kill(self) -> None:
        for broker in self.brokers:
            if broker.is_running:
                broker.kill()

    def discard(self) -> None:
        for broker in self.brokers:
            broker.discard()

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        return "\n".join(broker.log_tail(lines) for broker in self.brokers)

    def wait_until_in_sync(self, topic: str, but: int | None = None) -> None:
        """Return when every replica of the topic is in sync; or, of the node `but`, none is."""
        deadline = time.monotonic() + IN_SYNC_WITHIN_S
        while True:
            partitions = self.partitions(topic)
            if but is None:
                as_wanted = [set(one["isr"]) == set(one["replicas"]) for one in partitions]
            else:
                as_wanted = [but not in one["isr"] for one in partitions]
            if partitions and all(as_wanted):
                return
            assert time.monotonic() < deadline, f"{partitions}\n{self.log_tail()}"
            time.sleep(LOOK_PAUSE_S)

    def wait_until_kept_by(self, topic: str, replicas: Mapping[int, Sequence[int]]) -> None:
        """Return when each partition is on the nodes of `replicas`, all in sync, and on no other."""
        deadline = time.monotonic() + IN_SYNC_WITHIN_S
        while True:
            shown = {one["partition"]: (set(one["replicas"]), set(one["isr"])) for one in self.partitions(topic)}
            if shown == {partition: (set(nodes), set(nodes)) for partition, nodes in replicas.items()}:
                return
            assert time.monotonic() < deadline, f"{shown}\n{self.log_tail()}"
            time.sleep(LOOK_PAUSE_S)

    def partitions(self, topic: str) -> list[Mapping[str, Any]]:
        """`partition`, `leader`, `replicas` and `isr` of each, as whatever broker is asked knows them; [] unknown."""
        found: list[Mapping[str, Any]] = []

        async def ask() -> None:
            running = [broker.bootstrap for broker in self.brokers if broker.is_running]
            admin = AIOKafkaAdminClient(bootstrap_servers=running, request_timeout_ms=5000)
            try:
                await admin.start()
                described = await admin.describe_topics([topic])
                found.extend(described[0]["partitions"])
            finally:
                await admin.close()

        try:
            run_apart(asyncio.wait_for(ask(), 10))
        except (KafkaError, OSError, TimeoutError):
            return []  # away, or between two leaders: whoever waits asks again
        return found

    def reassign(self, topic: str, replicas: Mapping[int, Sequence[int]]) -> None:
        """Have each partition of `replicas` kept by these nodes, the first of which is to lead; it takes a while."""
        [broker, *_] = (broker for broker in self.brokers if broker.is_running)
        request = reassignment(topic, replicas)
        with socket.create_connection((HOST, broker.port), timeout=30) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(65536)
        # Size, correlation id, no tagged fields, throttle time, then the error of the whole.
        (error_code,) = struct.unpack_from(">h", answer, 4 + 4 + 1 + 4)
        if error_code:
            raise RuntimeError(f"Kafka refuses to move partitions of {topic}: error {error_code}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()


def reassignment(topic: str, replicas: Mapping[int, Sequence[int]]) -> bytes:
    """AlterPartitionReassignments, version 0, which Kafka's Python clients do not have."""
    no_tags = b"\0"
    partitions = b"".join(
        struct.pack(f">iB{len(nodes)}i", partition, len(nodes) + 1, *nodes) + no_tags
        for partition, nodes in replicas.items()
    )
    name = topic.encode()
    header = struct.pack(">hhih", 45, 0, 1, 0) + no_tags
    topics = bytes([2, len(name) + 1]) + name + bytes([len(replicas) + 1]) + partitions + no_tags
    return header + struct.pack(">i", 30_000) + topics + no_tags
