"""What a server on shared stores and its projector child send each other, a line of JSON a message."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from tracklog.settings.proof import ProofSettings
from tracklog.settings.store_uris import KafkaOptions, KafkaTopic, SharedStores, stores_of


@dataclass(frozen=True, slots=True)
class ChildStores:
    """The stores, sent over standard input: a command line and an environment would show passwords."""

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


@dataclass(frozen=True, slots=True)
class ProjectorSettings:
    """What a projector child runs with."""

    stores: ChildStores
    proof: ProofSettings


class ChildStatus(msgspec.Struct, frozen=True):
    """Sent every second by the child. `trouble` is what keeps it from folding, None when nothing does."""

    trouble: str | None
