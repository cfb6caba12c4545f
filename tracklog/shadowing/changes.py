"""From two states of one thing to the events that lead from the one to the other.

A time of change that is another is told even where nothing else is, by an event that says what is there.
"""

from collections.abc import Iterator, Sequence

from schemas.events import (
    AnyEvent,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    LoggedModelDeleted,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    ModelMetric,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    Param,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunOutputsLogged,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
    Tag,
)
from schemas.mlflow import RUN_NAME_TAG
from tracklog.moving.records import (
    ExperimentRecord,
    LoggedModelRecord,
    RegisteredRecord,
    RunRecord,
    VersionRecord,
)

Changes = Iterator[AnyEvent]


def of_experiment(experiment_id: int, old: ExperimentRecord, new: ExperimentRecord) -> Changes:
    """What changed in an experiment, but for its end: that follows what changed in its runs."""
    if old.deleted and not new.deleted:
        yield ExperimentRestored(experiment_id=experiment_id)
    if new.name != old.name or (new.last_update_time_ms != old.last_update_time_ms and new.deleted == old.deleted):
        # Where only the time is another, it was deleted and restored in between: the name that it has is true.
        yield ExperimentRenamed(experiment_id=experiment_id, name=new.name)
    for tag in _new(old.tags, new.tags):
        yield ExperimentTagSet(experiment_id=experiment_id, key=tag.key, value=tag.value)
    for key in _gone(old.tags, new.tags):
        yield ExperimentTagDeleted(experiment_id=experiment_id, key=key)


def end_of_experiment(experiment_id: int, old: ExperimentRecord, new: ExperimentRecord) -> Changes:
    if new.deleted and not old.deleted:
        yield ExperimentDeleted(experiment_id=experiment_id)


def of_run(old: RunRecord, new: RunRecord) -> Changes:
    """What changed in a run, its points aside."""
    run_id = new.run_id
    if old.deleted and not new.deleted:
        yield RunRestored(run_id=run_id)
    params = _new(old.params, new.params)
    tags = [tag for tag in _new(old.tags, new.tags) if tag.key != RUN_NAME_TAG]
    if params or tags:
        yield RunDataLogged(run_id=run_id, params=[Param(one.key, one.value) for one in params], tags=tags)
    for key in _gone(old.tags, new.tags):
        yield RunTagDeleted(run_id=run_id, key=key)
    known = {(one.name, one.digest) for one in old.datasets}
    for dataset in new.datasets:
        if (dataset.name, dataset.digest) not in known:
            yield RunInputsLogged(run_id=run_id, datasets=[dataset])
    if models := [one for one in new.model_inputs if one not in old.model_inputs]:
        yield RunInputsLogged(run_id=run_id, model_ids=models)
    if outputs := [one for one in new.outputs if one not in old.outputs]:
        yield RunOutputsLogged(run_id=run_id, models=outputs)
    name = _name_of(new)
    changed = RunUpdated(
        run_id=run_id,
        status=new.status if new.status != old.status else None,
        end_time_ms=new.end_time_ms if new.end_time_ms != old.end_time_ms else None,
        name=name if name != _name_of(old) else None,
        clears_end_time=new.end_time_ms is None and old.end_time_ms is not None,
    )
    if changed != RunUpdated(run_id=run_id):
        yield changed
    if new.deleted and not old.deleted:
        yield RunDeleted(run_id=run_id)


def _name_of(record: RunRecord) -> str:
    return next((tag.value for tag in record.tags if tag.key == RUN_NAME_TAG), record.name)


def of_logged_model(old: LoggedModelRecord, new: LoggedModelRecord) -> Changes:
    """What changed in a logged model, its points aside."""
    model_id = new.model_id
    if old.deleted and not new.deleted:
        yield LoggedModelRestored(model_id=model_id)
    if params := _new(old.params, new.params):
        yield LoggedModelParamsLogged(model_id=model_id, params=[Param(one.key, one.value) for one in params])
    if tags := _new(old.tags, new.tags):
        yield LoggedModelTagsSet(model_id=model_id, tags=tags)
    for key in _gone(old.tags, new.tags):
        yield LoggedModelTagDeleted(model_id=model_id, key=key)
    if new.status != old.status or new.last_update_time_ms != old.last_update_time_ms:
        yield LoggedModelFinalized(model_id=model_id, status=new.status)
    if new.deleted and not old.deleted:
        yield LoggedModelDeleted(model_id=model_id)


def points_of_logged_model(old: LoggedModelRecord | None, new: LoggedModelRecord) -> Changes:
    """Its points that are new, as facts of the runs that reported them."""
    known = set() if old is None else {(run_id, _key(point)) for run_id, point in old.metrics}
    of_runs: dict[str, list[ModelMetric]] = {}
    for run_id, point in new.metrics:
        if (run_id, _key(point)) not in known:
            of_runs.setdefault(run_id, []).append(point)
    for run_id, points in of_runs.items():
        yield RunDataLogged(run_id=run_id, model_metrics=points)


def _key(point: ModelMetric) -> tuple[str, int, int, str]:
    return point.key, point.timestamp_ms, point.step, str(point.value)


def of_registered_model(old: RegisteredRecord, new: RegisteredRecord) -> Changes:
    """What changed in a registered model and in versions of it that were there; new versions aside."""
    name = new.name
    for tag in _new(old.tags, new.tags):
        yield RegisteredModelTagSet(name=name, key=tag.key, value=tag.value)
    for key in _gone(old.tags, new.tags):
        yield RegisteredModelTagDeleted(name=name, key=key)
    known = {one.version: one for one in old.versions}
    for version in new.versions:
        if (before := known.pop(version.version, None)) is not None:
            yield from _of_version(name, before, version)
    for gone in known.values():
        if not gone.deleted:
            yield ModelVersionDeleted(name=name, version=gone.version)
    if new.description != old.description or new.last_update_time_ms != old.last_update_time_ms:
        yield RegisteredModelUpdated(name=name, description=new.description)


def aliases_of_registered_model(old: RegisteredRecord | None, new: RegisteredRecord) -> Changes:
    """What changed in its aliases, which may be those of new versions."""
    known, wanted = dict(old.aliases if old is not None else ()), dict(new.aliases)
    alive = {one.version for one in new.versions if not one.deleted}
    for alias in known.keys() - wanted.keys():
        if known[alias] in alive:  # else it went with its version
            yield RegisteredModelAliasDeleted(name=new.name, alias=alias)
    for alias, version in wanted.items():
        if known.get(alias) != version and version in alive:
            yield RegisteredModelAliasSet(name=new.name, alias=alias, version=version)


def _of_version(name: str, old: VersionRecord, new: VersionRecord) -> Changes:
    number = new.version
    if new.deleted:
        if not old.deleted:
            yield ModelVersionDeleted(name=name, version=number)
        return
    for tag in _new(old.tags, new.tags):
        yield ModelVersionTagSet(name=name, version=number, key=tag.key, value=tag.value)
    for key in _gone(old.tags, new.tags):
        yield ModelVersionTagDeleted(name=name, version=number, key=key)
    if new.stage != old.stage:
        yield ModelVersionTransitioned(name=name, version=number, stage=new.stage)
    if new.description != old.description or new.last_update_time_ms != old.last_update_time_ms:
        yield ModelVersionUpdated(name=name, version=number, description=new.description)


def _new(old: Sequence[Tag] | Sequence[Param], new: Sequence[Tag] | Sequence[Param]) -> list[Tag]:
    """Those of the new ones that are not among the old, with another value or at all."""
    known = {one.key: one.value for one in old}
    return [Tag(one.key, one.value) for one in new if known.get(one.key) != one.value]


def _gone(old: Sequence[Tag], new: Sequence[Tag]) -> list[str]:
    return sorted({one.key for one in old} - {one.key for one in new})
