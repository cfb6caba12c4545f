"""The events of a registered model, in the stream registered-model/<name>; those of its versions are in the same.

A model is named as it was called when the event was appended. A rename ends one stream and begins another.
"""

from typing import Final

from schemas.events.event import Event, StreamKind, Tag

REGISTERED_MODELS_ORDERING_UNIT: Final = "registered-models"
"""All registered models share it: their names are unique, and the log's order decides who has one."""

REGISTERED_MODELS: Final = StreamKind("registered-model", shared_unit=REGISTERED_MODELS_ORDERING_UNIT)


class RegisteredModelEvent(Event, frozen=True):
    kind = REGISTERED_MODELS

    name: str

    @property
    def stream_key(self) -> str:
        return self.name


class RegisteredModelCreated(RegisteredModelEvent, frozen=True):
    """`registered_model_id` is what the model keeps when its name changes; clients never see it.

    `owner` is the id of the user who created it, where users are known: version 2.
    """

    event_type = "registered-model.created"
    event_version = 2

    registered_model_id: str
    description: str = ""
    tags: list[Tag] = []
    owner: int | None = None


class RegisteredModelUpdated(RegisteredModelEvent, frozen=True):
    event_type = "registered-model.updated"

    description: str = ""


class RegisteredModelRenamed(RegisteredModelEvent, frozen=True):
    """The model and its versions, tags and aliases are called `new_name` from now on."""

    event_type = "registered-model.renamed"

    new_name: str


class RegisteredModelDeleted(RegisteredModelEvent, frozen=True):
    """The model is gone with its versions, tags and aliases. A new one may take its name, and begins at version 1."""

    event_type = "registered-model.deleted"


class RegisteredModelRestored(RegisteredModelEvent, frozen=True):
    """A model that was deleted is there again, with the id and the time of its creation, and without versions.

    Its next version is numbered after `last_version`. Only undoing its delete says so.
    """

    event_type = "registered-model.restored"

    registered_model_id: str
    creation_time_ms: int
    last_version: int
    description: str = ""
    tags: list[Tag] = []


class RegisteredModelTagSet(RegisteredModelEvent, frozen=True):
    event_type = "registered-model.tag-set"

    key: str
    value: str


class RegisteredModelTagDeleted(RegisteredModelEvent, frozen=True):
    event_type = "registered-model.tag-deleted"

    key: str


class RegisteredModelAliasSet(RegisteredModelEvent, frozen=True):
    """The alias stands for a version from now on, whichever it stood for before."""

    event_type = "registered-model.alias-set"

    alias: str
    version: int


class RegisteredModelAliasDeleted(RegisteredModelEvent, frozen=True):
    event_type = "registered-model.alias-deleted"

    alias: str


class RegisteredModelOwnerRemoved(RegisteredModelEvent, frozen=True):
    """Nobody has the model any more for having created it."""

    event_type = "registered-model.owner-removed"


AnyRegisteredModelEvent = (
    RegisteredModelCreated
    | RegisteredModelUpdated
    | RegisteredModelRenamed
    | RegisteredModelDeleted
    | RegisteredModelRestored
    | RegisteredModelTagSet
    | RegisteredModelTagDeleted
    | RegisteredModelAliasSet
    | RegisteredModelAliasDeleted
    | RegisteredModelOwnerRemoved
)
