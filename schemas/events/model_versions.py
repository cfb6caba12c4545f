"""The events of the versions of a registered model, in the stream of the model.

A new version gets its number when it is folded: one more than the highest that any version of the model ever had.
"""

from schemas.events.event import Tag
from schemas.events.registered_models import RegisteredModelEvent


class ModelVersionCreated(RegisteredModelEvent, frozen=True):
    """`version_id` identifies the version before its number is known; clients never see it.

    `source` is what the client named, with a version of another model in the place of its alias or stage.
    `storage_location` is where the files are: it stays what it is when that other model is renamed or deleted.
    """

    event_type = "model-version.created"

    version_id: str
    source: str
    storage_location: str
    run_id: str = ""
    run_link: str = ""
    logged_model_id: str = ""
    description: str = ""
    tags: list[Tag] = []


class ModelVersionEvent(RegisteredModelEvent, frozen=True):
    """An event of a version that has its number."""

    version: int


class ModelVersionUpdated(ModelVersionEvent, frozen=True):
    """A new description, or None for none at all."""

    event_type = "model-version.updated"

    description: str | None = None


class ModelVersionTransitioned(ModelVersionEvent, frozen=True):
    """The version is in another stage. With `archive_existing` those that were in it are archived."""

    event_type = "model-version.transitioned"

    stage: str
    archive_existing: bool = False


class ModelVersionDeleted(ModelVersionEvent, frozen=True):
    """The version is gone, with its tags and aliases; its number is never given to another."""

    event_type = "model-version.deleted"


class ModelVersionRestored(ModelVersionEvent, frozen=True):
    """A version that was deleted is there again, under its number, as a version of the model with this id.

    Only undoing its delete says so.
    """

    event_type = "model-version.restored"

    registered_model_id: str
    version_id: str
    creation_time_ms: int
    stage: str
    source: str
    storage_location: str
    run_id: str = ""
    run_link: str = ""
    logged_model_id: str = ""
    description: str | None = None
    tags: list[Tag] = []


class ModelVersionTagSet(ModelVersionEvent, frozen=True):
    event_type = "model-version.tag-set"

    key: str
    value: str


class ModelVersionTagDeleted(ModelVersionEvent, frozen=True):
    event_type = "model-version.tag-deleted"

    key: str


AnyModelVersionEvent = (
    ModelVersionCreated
    | ModelVersionUpdated
    | ModelVersionTransitioned
    | ModelVersionDeleted
    | ModelVersionRestored
    | ModelVersionTagSet
    | ModelVersionTagDeleted
)
