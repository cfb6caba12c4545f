"""What commands about versions of registered models become.

What another writer may come before, such as a version that is gone, is decided by the fold; here is refused what is
wrong whatever the order.
"""

from typing import Final

from ingest.keys import check_key
from ingest.model_versions.source_files import Files
from ingest.registered_models.decisions import new_tags
from schemas.errors import InvalidParameterValue
from schemas.events import (
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
)
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
    stage_of,
    version_of,
)
from schemas.messages.registered_models import check_model_name
from schemas.mlflow import ARCHIVED, NEW_MODEL_VERSION_STAGE

_NOTHING_TO_ARCHIVE: Final = (NEW_MODEL_VERSION_STAGE, ARCHIVED)
"""The stages from which no version is archived to make room for another."""


def create(command: CreateModelVersion, files: Files, version_id: str) -> ModelVersionCreated:
    """`files` is what came of the source. Raises InvalidParameterValue for a bad name or tag."""
    check_model_name(command.name)
    return ModelVersionCreated(
        name=command.name,
        version_id=version_id,
        source=files.source,
        storage_location=files.storage_location,
        run_id=files.run_id,
        run_link=command.run_link,
        logged_model_id=command.model_id,
        description=command.description,
        tags=new_tags(command.tags),
    )


def update(command: UpdateModelVersion) -> ModelVersionUpdated:
    """Raises InvalidParameterValue for a bad name, or a version that is no number; as all below do."""
    check_model_name(command.name)
    return ModelVersionUpdated(name=command.name, version=version_of(command.version), description=command.description)


def transition(command: TransitionModelVersionStage) -> ModelVersionTransitioned:
    """Raises InvalidParameterValue also for an unknown stage, and for one from which nothing is archived."""
    check_model_name(command.name)
    stage = stage_of(command.stage)
    if command.archive_existing_versions and stage in _NOTHING_TO_ARCHIVE:
        raise InvalidParameterValue(
            f"Invalid value for parameter 'archive_existing_versions': versions in stage {stage} are not archived when"
            " another comes to it."
        )
    return ModelVersionTransitioned(
        name=command.name,
        version=version_of(command.version),
        stage=stage,
        archive_existing=command.archive_existing_versions,
    )


def delete(command: DeleteModelVersion) -> ModelVersionDeleted:
    check_model_name(command.name)
    return ModelVersionDeleted(name=command.name, version=version_of(command.version))


def set_tag(command: SetModelVersionTag) -> ModelVersionTagSet:
    """Raises InvalidParameterValue also for a bad key."""
    check_model_name(command.name)
    check_key(command.key, "key")
    return ModelVersionTagSet(
        name=command.name, version=version_of(command.version), key=command.key, value=command.value
    )


def delete_tag(command: DeleteModelVersionTag) -> ModelVersionTagDeleted:
    """Raises InvalidParameterValue also for a bad key."""
    check_model_name(command.name)
    check_key(command.key, "key")
    return ModelVersionTagDeleted(name=command.name, version=version_of(command.version), key=command.key)
