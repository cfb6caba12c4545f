"""The events of a logged model, in the stream logged-model/<id>."""

from typing import Final

from schemas.events.erasures import Erasure
from schemas.events.event import Event, Param, StreamKind, Tag

LOGGED_MODELS: Final = StreamKind("logged-model")


class LoggedModelEvent(Event, frozen=True):
    kind = LOGGED_MODELS

    model_id: str

    @property
    def stream_key(self) -> str:
        return self.model_id


class LoggedModelCreated(LoggedModelEvent, frozen=True):
    event_type = "logged-model.created"

    experiment_id: int
    name: str
    artifact_location: str
    model_type: str = ""
    source_run_id: str = ""
    params: list[Param] = []
    tags: list[Tag] = []


class LoggedModelFinalized(LoggedModelEvent, frozen=True):
    """`status` is the number of MLflow's LoggedModelStatus: 1 pending, 2 ready, 3 upload failed."""

    event_type = "logged-model.finalized"

    status: int


class LoggedModelParamsLogged(LoggedModelEvent, frozen=True):
    """More params of a logged model: all of them hold, or, when one is there already, none."""

    event_type = "logged-model.params-logged"

    params: list[Param]


class LoggedModelTagsSet(LoggedModelEvent, frozen=True):
    event_type = "logged-model.tags-set"

    tags: list[Tag]


class LoggedModelTagDeleted(LoggedModelEvent, frozen=True):
    event_type = "logged-model.tag-deleted"

    key: str


class LoggedModelVersionRegistered(LoggedModelEvent, frozen=True):
    """A version of a registered model was made from the logged model; the tag that lists such versions has it now."""

    event_type = "logged-model.version-registered"

    name: str
    version: int


class LoggedModelDeleted(LoggedModelEvent, frozen=True):
    """The model is hidden from now on. Nothing of it is lost, and it still takes writes."""

    event_type = "logged-model.deleted"


class LoggedModelRestored(LoggedModelEvent, frozen=True):
    """The model is shown again. No request of MLflow's asks for it: it undoes a delete."""

    event_type = "logged-model.restored"


class LoggedModelErased(LoggedModelEvent, frozen=True):
    """Nothing of the model is there any more, for good. `with_experiment`: as in run.erased."""

    event_type = "logged-model.erased"

    experiment_id: int
    erasure: Erasure
    with_experiment: bool = False


AnyLoggedModelEvent = (
    LoggedModelCreated
    | LoggedModelFinalized
    | LoggedModelParamsLogged
    | LoggedModelTagsSet
    | LoggedModelTagDeleted
    | LoggedModelVersionRegistered
    | LoggedModelDeleted
    | LoggedModelRestored
    | LoggedModelErased
)
