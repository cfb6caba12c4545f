"""What commands about a run itself become."""

from typing import Final

from ingest.artifact_paths import run_artifacts
from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.keys import repeated
from ingest.runs.state import KnownRun, RunInfo, require_active_run
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.events import RunCreated, RunDeleted, RunRestored, RunUpdated, Tag
from schemas.messages.bounds import MAX_TAG_CHARACTERS
from schemas.messages.message import KeyValue
from schemas.messages.runs import CreateRun, UpdateRun
from schemas.mlflow import NEW_RUN_STATUS, RUN_NAME_TAG, RUN_STATUSES

_STATUSES_AS_SENT: Final[dict[str | int, str]] = {
    alias: name for number, name in RUN_STATUSES.items() for alias in (name, number, str(number))
}


def check_create(command: CreateRun) -> str:
    """Refuse what is wrong whatever the state; the name the run was given, or ''.

    The characters in the keys of a new run's tags are not checked.
    Raises InvalidParameterValue or BadRequest.
    """
    if not command.experiment_id:
        raise BadRequest("Missing value for required parameter 'experiment_id'.")
    _check_tags(command.tags)
    tagged = next((tag.value for tag in command.tags if tag.key == RUN_NAME_TAG), "")[:MAX_TAG_CHARACTERS]
    if command.run_name and tagged and command.run_name != tagged:
        raise InvalidParameterValue(
            f"The run is named '{command.run_name}' by 'run_name' and '{tagged}' by tag '{RUN_NAME_TAG}'."
        )
    return command.run_name or tagged


def create(command: CreateRun, experiment: KnownExperiment, run_id: str, name: str) -> RunCreated:
    """The name's own tag is left out: every run has it. Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    return RunCreated(
        run_id=run_id,
        experiment_id=experiment.experiment_id,
        name=name,
        user_id=command.user_id,
        start_time_ms=command.start_time,
        artifact_uri=run_artifacts(experiment.artifact_location, run_id),
        tags=[Tag(tag.key, tag.value[:MAX_TAG_CHARACTERS]) for tag in command.tags if tag.key != RUN_NAME_TAG],
        experiment_revision=experiment.lifecycle_revision,
    )


def status_of(command: UpdateRun) -> str | None:
    """The name of the status that was sent by name or number, None when none was. Raises InvalidParameterValue."""
    if command.status is None:
        return None
    status = _STATUSES_AS_SENT.get(command.status)
    if status is None:
        raise InvalidParameterValue(
            f"Invalid value {command.status!r:.100} for parameter 'status': it must be one of"
            f" {', '.join(RUN_STATUSES.values())}."
        )
    return status


def update(command: UpdateRun, status: str | None, run: KnownRun, experiment: KnownExperiment) -> RunUpdated | None:
    """None when the command changes nothing. Raises InvalidParameterValue for a deleted run."""
    require_active_run(run, experiment)
    if status is None and command.end_time is None and not command.run_name:
        return None
    return RunUpdated(run_id=run.run_id, status=status, end_time_ms=command.end_time, name=command.run_name or None)


def delete(run: KnownRun, experiment: KnownExperiment) -> RunDeleted:
    """Also when the run is deleted already: what is known of it may be late."""
    return RunDeleted(run_id=run.run_id, experiment_revision=experiment.lifecycle_revision)


def restore(run: KnownRun, experiment: KnownExperiment) -> RunRestored:
    """Also when the run is active already: what is known of it may be late."""
    return RunRestored(run_id=run.run_id, experiment_revision=experiment.lifecycle_revision)


def info_of_new(event: RunCreated) -> RunInfo:
    """The run that `event` makes."""
    return RunInfo(
        run_id=event.run_id,
        experiment_id=event.experiment_id,
        name=event.name,
        user_id=event.user_id,
        status=NEW_RUN_STATUS,
        start_time_ms=event.start_time_ms,
        end_time_ms=None,
        artifact_uri=event.artifact_uri,
        active=True,
    )


def _check_tags(tags: list[KeyValue]) -> None:
    for tag in tags:
        if not tag.key:
            raise InvalidParameterValue("Missing value for required parameter 'tags.key'.")
    if again := repeated(tag.key for tag in tags):
        raise BadRequest(f"Tag '{again[0]}' is given twice.")
