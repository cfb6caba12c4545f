"""The proofs of the log, as the query side sees them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A signed note, and how many events of the partition it is over."""

    size: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """The leaf of an event, and the hashes that lead from it to the root, from the leaf upwards."""

    leaf: bytes
    hashes: Sequence[bytes]


class Proofs(ABC):
    """Raises TemporarilyUnavailable where they are kept is away."""

    @abstractmethod
    async def newest(self, partition: int) -> SignedCheckpoint | None:
        """The newest checkpoint of a partition; None where nothing was signed."""

    @abstractmethod
    async def keys(self) -> str:
        """The first public key, and the notes by which each key named the next; empty where nothing was signed."""

    @abstractmethod
    async def inclusion(self, partition: int, offset: int, size: int) -> Inclusion:
        """That the event at `offset` is among the first `size` of the partition, of which a checkpoint is signed."""

    @abstractmethod
    async def consistency(self, partition: int, old_size: int, size: int) -> Sequence[bytes]:
        """That the first `old_size` events are still the first of the first `size`."""
