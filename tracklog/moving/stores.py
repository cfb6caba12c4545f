"""What all stores that are read have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from tracklog.moving.records import Records

Consume = Callable[[Records], None]


class NoStore(Exception):
    """What was named as a store of MLflow is none, or cannot be read."""


class Store(ABC):
    """A store of MLflow, which is only read: no byte of it changes."""

    @abstractmethod
    def read(self, consume: Consume) -> None:
        """Call `consume` with everything that the store holds, as a stream, and return when it does.

        May be called in any thread, again and again. Raises NoStore, and what `consume` raises.
        """
