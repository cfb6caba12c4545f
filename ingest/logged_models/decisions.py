"""What commands about logged models become."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ingest.artifact_paths import logged_model_artifacts
from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.keys import repeated
from ingest.logged_models.state import KnownLoggedModel
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from schemas.events import (
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    Param,
    Tag,
)
from schemas.messages.bounds import (
    MAX_MODEL_VERSIONS_CHARACTERS,
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    check_characters,
    shown,
)
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.messages.message import KeyValue
from schemas.mlflow import LOGGED_MODEL_STATUSES, MODEL_VERSIONS_TAG

_STATUSES_AS_SENT: Final[dict[str | int, int]] = {
    alias: number for number, name in LOGGED_MODEL_STATUSES.items() for alias in (name, number, str(number))
}

_NOT_IN_A_NAME: Final = re.compile(r"[/:.%\"']")


def check_create(command: CreateLoggedModel) -> None:
    """Refuse what is wrong whatever the state. Raises InvalidParameterValue or BadRequest."""
    check_name(command.name)
    check_params(command.params)
    _check_keys(command.tags, "tag")
    _check_given_once(command.tags, "tag")


def check_name(name: str) -> None:
    """Refuse the characters of paths and URIs. Raises InvalidParameterValue."""
    if _NOT_IN_A_NAME.search(name):
        raise InvalidParameterValue(f"Model name {shown(name)} must not hold any of / : . % \" '.")


def create(command: CreateLoggedModel, experiment: KnownExperiment, model_id: str, name: str) -> LoggedModelCreated:
    """Long values of params and tags are cut as those of a run are. Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    return LoggedModelCreated(
        model_id=model_id,
        experiment_id=experiment.experiment_id,
        name=name,
        artifact_location=logged_model_artifacts(experiment.artifact_location, model_id),
        model_type=command.model_type,
        source_run_id=command.source_run_id,
        params=_params(command.params),
        tags=_tags(command.tags),
    )


def status_of(command: FinalizeLoggedModel) -> int:
    """The number of the status that was sent by name or number. Raises InvalidParameterValue."""
    status = None if command.status is None else _STATUSES_AS_SENT.get(command.status)
    if status is None:
        raise InvalidParameterValue(
            f"Invalid value {command.status!r:.100} for parameter 'status': it must be one of"
            f" {', '.join(LOGGED_MODEL_STATUSES.values())}."
        )
    return status


def finalize(model: KnownLoggedModel, status: int) -> LoggedModelFinalized:
    return LoggedModelFinalized(model_id=model.model_id, status=status)


def check_params(params: Sequence[KeyValue]) -> None:
    """Refuse what is wrong whatever the state. Raises InvalidParameterValue or BadRequest."""
    _check_keys(params, "param")
    _check_given_once(params, "param")


def log_params(
    command: LogLoggedModelParams, model: KnownLoggedModel, held: Collection[str]
) -> LoggedModelParamsLogged | None:
    """None when the command brings no param. `held` are those of its keys that the model has. Raises BadRequest."""
    if not command.params:
        return None
    for param in command.params:
        if param.key in held:
            raise BadRequest(
                f"Param '{param.key}' of logged model '{model.model_id}' exists already: params never change."
            )
    return LoggedModelParamsLogged(model_id=model.model_id, params=_params(command.params))


def check_set_tags(command: SetLoggedModelTags) -> None:
    """Refuse what is wrong whatever the state. Raises InvalidParameterValue or BadRequest."""
    _check_keys(command.tags, "tag")
    for tag in command.tags:
        if tag.key == MODEL_VERSIONS_TAG:
            check_characters(tag.value, MAX_MODEL_VERSIONS_CHARACTERS, f"tags[{tag.key}]")


def set_tags(command: SetLoggedModelTags, model: KnownLoggedModel) -> LoggedModelTagsSet | None:
    """The last of equal keys wins. None when the command brings no tag.

    A list of versions is not cut: the fold adds it to the one there is.
    """
    if not command.tags:
        return None
    last = {tag.key: tag for tag in command.tags}
    tags = _tags(tag for tag in last.values() if tag.key != MODEL_VERSIONS_TAG)
    if versions := last.get(MODEL_VERSIONS_TAG):
        tags.append(Tag(versions.key, versions.value))
    return LoggedModelTagsSet(model_id=model.model_id, tags=tags)


def delete_tag(command: DeleteLoggedModelTag, model: KnownLoggedModel, *, is_set: bool) -> LoggedModelTagDeleted:
    """Raises ResourceDoesNotExist."""
    if not is_set:
        raise ResourceDoesNotExist(f"No tag with key '{command.tag_key}' found for model with ID '{model.model_id}'.")
    return LoggedModelTagDeleted(model_id=model.model_id, key=command.tag_key)


def delete(model: KnownLoggedModel) -> LoggedModelDeleted:
    return LoggedModelDeleted(model_id=model.model_id)


def _check_keys(pairs: Sequence[KeyValue], what: str) -> None:
    for pair in pairs:
        if not pair.key:
            raise InvalidParameterValue(f"Missing value for required parameter '{what}s.key'.")


def _params(params: Sequence[KeyValue]) -> list[Param]:
    return [Param(param.key, param.value[:MAX_PARAM_CHARACTERS]) for param in params]


def _tags(tags: Iterable[KeyValue]) -> list[Tag]:
    return [Tag(tag.key, tag.value[:MAX_TAG_CHARACTERS]) for tag in tags]


def _check_given_once(pairs: Sequence[KeyValue], what: str) -> None:
    if again := repeated(pair.key for pair in pairs):
        raise BadRequest(f"{what.capitalize()} '{again[0]}' is given twice.")
