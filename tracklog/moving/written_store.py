"""What every store that is written has in common."""

from abc import ABC, abstractmethod

from tracklog.moving.records import Records
from tracklog.moving.report import Report


class TargetTaken(Exception):
    """Where a store is to be written something is already, and it stays as it is."""


class TargetUnfit(Exception):
    """A store cannot be written where it was asked for."""


class WrittenStore(ABC):
    """A store of MLflow that is not there yet."""

    @abstractmethod
    def write(self, records: Records, report: Report) -> None:
        """Write a store of these records, which nobody sees before it is whole and durable.

        What the store has no way to say is told of in `report`, which counts what is written. Raises TargetTaken,
        TargetUnfit, and what reading `records` raises; then nothing is there.
        """
