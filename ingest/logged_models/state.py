"""What commands know of a logged model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownLoggedModel:
    """One that was deleted is no other: it takes every write, as in MLflow."""

    model_id: str
    experiment_id: int

    @property
    def lifecycle_us(self) -> int:
        """Always the same: nothing that is known here of a model ever changes."""
        return 0
