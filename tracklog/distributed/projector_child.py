"""Running the projector as a child of a server: what it is told, and how it ends with its parent."""

import asyncio
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import msgspec

from tracklog.store_uris import KafkaOptions, KafkaTopic, SharedStores, stores_of
from tracklog.supervision import ended


@dataclass(frozen=True, slots=True)
class ChildStores:
    """The stores in one line of JSON. Over standard input: a command line and an environment would show passwords."""

    read_model: str
    event_log: str
    kafka_config: str | None

    @classmethod
    def of(cls, stores: SharedStores) -> Self:
        log = stores.event_log
        if isinstance(log, KafkaTopic):
            return cls(stores.read_model.dsn, log.uri, None if log.config_file is None else str(log.config_file))
        return cls(stores.read_model.dsn, log.dsn, None)

    def stores(self) -> SharedStores:
        config_file = None if self.kafka_config is None else Path(self.kafka_config)
        stores = stores_of(self.read_model, self.event_log, KafkaOptions(config_file=config_file))
        assert isinstance(stores, SharedStores)
        return stores


async def run_projector_child(stores: SharedStores) -> int | None:
    """Run a projector until it ends, or until this is cancelled; its exit code."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tracklog.child", "tracklog.distributed.projector_process"),
        stdin=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    try:
        child.stdin.write(msgspec.json.encode(asdict(ChildStores.of(stores))) + b"\n")
        return await child.wait()
    finally:
        child.stdin.close()  # the child finishes its batch and leaves when its parent hangs up
        await ended(child)
