"""The events of a run itself, in the stream run/<id>; what is logged to it is in `run_data`."""

from typing import Final

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind, Tag

RUNS: Final = StreamKind("run")


class RunEvent(Event, frozen=True):
    kind = RUNS

    run_id: str

    @property
    def stream_key(self) -> str:
        return self.run_id


class RunCreated(RunEvent, frozen=True):
    """`experiment_revision`: how many times the experiment had been deleted or restored, as far as the writer had seen.

    Missing in events of version 1, and in those alone; so in run.deleted and run.restored.
    """

    event_type = "run.created"
    event_version = 2

    experiment_id: int
    name: str
    user_id: str
    start_time_ms: int
    artifact_uri: str
    tags: list[Tag] = []
    experiment_revision: int | None = None


class RunUpdated(RunEvent, frozen=True):
    """The fields a client sent; None is a field it did not send.

    `clears_end_time`, which version 1 lacks: the run has no end any more, as before it ended.
    """

    event_type = "run.updated"
    event_version = 2

    status: str | None = None
    end_time_ms: int | None = None
    name: str | None = None
    clears_end_time: bool = False


class RunDeleted(RunEvent, frozen=True):
    """`experiment_revision`: as in run.created."""

    event_type = "run.deleted"
    event_version = 2

    experiment_revision: int | None = None


class RunRestored(RunEvent, frozen=True):
    """`experiment_revision`: as in run.created."""

    event_type = "run.restored"
    event_version = 2

    experiment_revision: int | None = None


class RunErased(RunEvent, frozen=True):
    """Nothing of the run is there any more, for good: its id is never a run's again.

    `with_experiment`: it goes with its experiment, which is deleted, whatever its own stage is.
    """

    event_type = "run.erased"

    experiment_id: int
    erasure: Erasure
    with_experiment: bool = False


AnyRunEvent = RunCreated | RunUpdated | RunDeleted | RunRestored | RunErased
