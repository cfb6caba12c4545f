"""What commands know of a registered model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownRegisteredModel:
    """There was one of this name. Whether it is still there when an event is appended, the fold decides."""

    name: str

    @property
    def lifecycle_us(self) -> int:
        """Always the same: nothing more is known of a model."""
        return 0


@dataclass(frozen=True, slots=True)
class NameHolder:
    """The registered model that has a name."""

    name: str
    is_prompt: bool
