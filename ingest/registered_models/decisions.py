"""What commands about registered models become.

What another writer may come before, such as a name that is taken, is decided by the fold; here is refused what is wrong
whatever the order.
"""

from ingest.keys import check_key
from ingest.registered_models.state import NameHolder
from schemas.errors import ResourceAlreadyExists
from schemas.events import (
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    Tag,
)
from schemas.messages.model_versions import version_of
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    DeleteRegisteredModelAlias,
    DeleteRegisteredModelTag,
    RegistryTags,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
    check_alias,
    check_model_name,
    check_new_alias,
)
from schemas.mlflow import is_prompt_marker


def create(
    command: CreateRegisteredModel, registered_model_id: str, owner: int | None = None
) -> RegisteredModelCreated:
    """Raises InvalidParameterValue for a bad name or tag."""
    check_model_name(command.name)
    return RegisteredModelCreated(
        name=command.name,
        registered_model_id=registered_model_id,
        description=command.description,
        tags=new_tags(command.tags),
        owner=owner,
    )


def new_tags(tags: RegistryTags) -> list[Tag]:
    """The tags of a new registered model or version, by key; of equal keys the last wins.

    Raises InvalidParameterValue for a bad key.
    """
    for tag in tags:
        check_key(tag.key, "key")
    last = {tag.key: tag.value for tag in tags}
    return [Tag(key, last[key]) for key in sorted(last)]


def is_prompt(event: RegisteredModelCreated) -> bool:
    return any(is_prompt_marker(tag.key, tag.value) for tag in event.tags)


def taken(holder: NameHolder, *, is_prompt: bool) -> ResourceAlreadyExists:
    """The refusal of a name for a new model, or prompt, which `holder` has."""
    has_it, wants_it = _what(holder.is_prompt), _what(is_prompt)
    if has_it == wants_it:
        return ResourceAlreadyExists(f"{has_it} (name={holder.name}) already exists.")
    return ResourceAlreadyExists(
        f"{has_it} (name={holder.name}) already exists. Models and prompts share their names: a"
        f" {wants_it.lower()} cannot be called the same."
    )


def _what(is_prompt: bool) -> str:
    return "Prompt" if is_prompt else "Registered Model"


def update(command: UpdateRegisteredModel) -> RegisteredModelUpdated:
    """Raises InvalidParameterValue for a bad name."""
    check_model_name(command.name)
    return RegisteredModelUpdated(name=command.name, description=command.description)


def rename(command: RenameRegisteredModel) -> RegisteredModelRenamed:
    """Raises InvalidParameterValue for a bad name, old or new."""
    check_model_name(command.name)
    check_model_name(command.new_name, "new_name")
    return RegisteredModelRenamed(name=command.name, new_name=command.new_name)


def delete(command: DeleteRegisteredModel) -> RegisteredModelDeleted:
    """Raises InvalidParameterValue for a bad name."""
    check_model_name(command.name)
    return RegisteredModelDeleted(name=command.name)


def set_tag(command: SetRegisteredModelTag) -> RegisteredModelTagSet:
    """Raises InvalidParameterValue for a bad name or key."""
    check_model_name(command.name)
    check_key(command.key, "key")
    return RegisteredModelTagSet(name=command.name, key=command.key, value=command.value)


def delete_tag(command: DeleteRegisteredModelTag) -> RegisteredModelTagDeleted:
    """Raises InvalidParameterValue for a bad name or key."""
    check_model_name(command.name)
    check_key(command.key, "key")
    return RegisteredModelTagDeleted(name=command.name, key=command.key)


def set_alias(command: SetRegisteredModelAlias) -> RegisteredModelAliasSet:
    """Raises InvalidParameterValue for a bad name, a bad or reserved alias, a version that is no number."""
    check_model_name(command.name)
    check_new_alias(command.alias)
    return RegisteredModelAliasSet(name=command.name, alias=command.alias, version=version_of(command.version))


def delete_alias(command: DeleteRegisteredModelAlias) -> RegisteredModelAliasDeleted:
    """Raises InvalidParameterValue for a bad name or alias."""
    check_model_name(command.name)
    check_alias(command.alias)
    return RegisteredModelAliasDeleted(name=command.name, alias=command.alias)
