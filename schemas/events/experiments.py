"""The events of an experiment, in the stream experiment/<id>."""

from typing import Final

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind, Tag

EXPERIMENTS_ORDERING_UNIT: Final = "experiments"
"""All experiments share it: their names are unique, and the log's order decides who has one."""

EXPERIMENTS: Final = StreamKind("experiment", shared_unit=EXPERIMENTS_ORDERING_UNIT)


class ExperimentEvent(Event, frozen=True):
    kind = EXPERIMENTS

    experiment_id: int

    @property
    def stream_key(self) -> str:
        return str(self.experiment_id)


class ExperimentCreated(ExperimentEvent, frozen=True):
    """`awaits_acknowledgement`: until experiment.acknowledged comes, nobody was told that it is created.

    Version 1 does not know that event. `owner` is the id of the user who created it, where users are known: version 3.
    """

    event_type = "experiment.created"
    event_version = 3

    name: str
    artifact_location: str
    tags: list[Tag] = []
    awaits_acknowledgement: bool = False
    owner: int | None = None


class ExperimentAcknowledged(ExperimentEvent, frozen=True):
    """A request to create the experiment is about to be answered with its id: no other will be."""

    event_type = "experiment.acknowledged"


class ExperimentRenamed(ExperimentEvent, frozen=True):
    event_type = "experiment.renamed"

    name: str


class ExperimentDeleted(ExperimentEvent, frozen=True):
    event_type = "experiment.deleted"


class ExperimentRestored(ExperimentEvent, frozen=True):
    event_type = "experiment.restored"


class ExperimentTagSet(ExperimentEvent, frozen=True):
    event_type = "experiment.tag-set"

    key: str
    value: str


class ExperimentTagDeleted(ExperimentEvent, frozen=True):
    event_type = "experiment.tag-deleted"

    key: str


class ExperimentOwnerRemoved(ExperimentEvent, frozen=True):
    """Nobody has the experiment any more for having created it."""

    event_type = "experiment.owner-removed"


class ExperimentErased(ExperimentEvent, frozen=True):
    """Nothing of the experiment is there any more, for good. Its runs and logged models were erased before it."""

    event_type = "experiment.erased"

    erasure: Erasure


AnyExperimentEvent = (
    ExperimentCreated
    | ExperimentAcknowledged
    | ExperimentRenamed
    | ExperimentDeleted
    | ExperimentRestored
    | ExperimentTagSet
    | ExperimentTagDeleted
    | ExperimentOwnerRemoved
    | ExperimentErased
)
