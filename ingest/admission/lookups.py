"""What the door needs to know of the present state before it lets a command in.

The answers come from the read model, which may be behind the log; whoever needs more waits for the projection first.
What is found there is never too new: everything acknowledged after a verdict is in it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class ExperimentAtDoor:
    """An experiment as commands need it.

    `lifecycle_us` is when it was last created, deleted or restored, `lifecycle_revision` how many times the latter two.
    """

    experiment_id: int
    name: str
    artifact_location: str
    active: bool
    lifecycle_us: int
    lifecycle_revision: int
    creation_time_ms: int = 0
    claim: str | None = None
    """By whom and how it was created (`schemas.claims`), as long as no request to create it was acknowledged."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What runs/update answers with."""

    run_id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_time_ms: int
    end_time_ms: int | None
    artifact_uri: str
    active: bool


@dataclass(slots=True)
class RunAtDoor:
    """A run as commands need it.

    `experiment_revision` is how much of its experiment's lifecycle the writer of its own last change had seen; None
    when that was not noted yet.
    """

    run_id: str
    experiment_id: int
    active: bool
    lifecycle_us: int
    experiment_revision: int | None
    info: RunInfo | None = None
    """The run as it is, when this process made it and every change since; else None, and the read model is asked."""
    is_bare: bool = False
    """Whether this process made the run and let no param in yet: then there is none to look for."""


@dataclass(frozen=True, slots=True)
class LoggedModelAtDoor:
    """A logged model as commands need it. One that was deleted is no other: it takes every write, as in MLflow."""

    model_id: str
    experiment_id: int


class DoorState(ABC):
    """Look-ups by key, each one bounded. Raise TemporarilyUnavailable when the read model cannot be reached."""

    @abstractmethod
    async def experiment(self, experiment_id: int) -> ExperimentAtDoor | None: ...

    @abstractmethod
    async def experiment_named(self, name: str) -> ExperimentAtDoor | None: ...

    @abstractmethod
    async def last_experiment_id(self) -> int | None:
        """The highest experiment id there is, None before the first."""

    @abstractmethod
    async def has_experiment_tag(self, experiment_id: int, key: str) -> bool: ...

    @abstractmethod
    async def experiment_tag_keys(self, experiment_id: int, prefix: str) -> list[str]:
        """The keys of those tags of an experiment that begin with `prefix`."""

    @abstractmethod
    async def run(self, run_id: str) -> RunAtDoor | None: ...

    @abstractmethod
    async def run_info(self, run_id: str) -> RunInfo | None: ...

    @abstractmethod
    async def params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        """The values of those of `keys` that the run has."""

    @abstractmethod
    async def has_run_tag(self, run_id: str, key: str) -> bool: ...

    @abstractmethod
    async def logged_models_output(self, run_id: str, model_ids: Sequence[str]) -> set[str]:
        """Those of `model_ids` that the run already has as outputs."""

    @abstractmethod
    async def logged_model(self, model_id: str) -> LoggedModelAtDoor | None: ...

    @abstractmethod
    async def logged_model_params(self, model_id: str, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that the model has params of."""

    @abstractmethod
    async def has_logged_model_tag(self, model_id: str, key: str) -> bool: ...

    @abstractmethod
    async def logged_model_json(self, model_id: str) -> bytes | None:
        """The whole model as the REST surface shows it, {"model": {...}}."""
