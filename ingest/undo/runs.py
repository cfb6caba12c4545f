"""How what happened to a run is undone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.experiments.lookups import EXPERIMENTS
from ingest.runs.lookups import RUNS
from ingest.runs.state import KnownRun, is_active
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, NOT_KNOWN, Judged, Undoing, Wanted, is_restored, undo_of
from schemas.events import (
    AnyEvent,
    DatasetName,
    ModelOutput,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunErased,
    RunInputsLogged,
    RunInputsRemoved,
    RunMetricCorrected,
    RunOutputsLogged,
    RunOutputsRemoved,
    RunParamCorrected,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
    Tag,
    Undo,
)
from schemas.events.experiments import EXPERIMENTS as EXPERIMENTS_STREAM
from schemas.events.runs import RUNS as RUNS_STREAM
from schemas.fields.field import END_TIME, LIFECYCLE, METRICS, NAME, PARAMS, STATUS, TAGS, THERE, Held
from schemas.fields.runs import DATASETS, INPUT_MODELS, OUTPUT_MODELS, dataset_in
from schemas.messages.runs import RestoreRun
from schemas.mlflow import ACTIVE, RUN_NAME_TAG
from schemas.rest.access import Rule
from schemas.rest.rules import EDIT_ITS_RUN, MANAGE_ITS_RUN

_NOT_UNDONE: Final[Mapping[type, str]] = {
    RunErased: ERASED,
    RunCreated: "A run that was created is not undone, but may be deleted.",
}

_UPDATED: Final = (NAME, STATUS, END_TIME)
_NAME_TAG: Final = f"{TAGS}{RUN_NAME_TAG}"
_IS_THE_NAME: Final = "The tag is the name of the run, which is another now."
_DELETED: Final = "The run is deleted: restore it first, or undo its delete in the same step."


def _rule(field: str) -> Rule:
    return MANAGE_ITS_RUN if field == LIFECYCLE else EDIT_ITS_RUN


async def _hindrance(known: KnownEntities, run_id: str, held: Held, change: Change, wanted: Wanted) -> str | None:
    if change.wanted is None and change.field in (NAME, STATUS, LIFECYCLE):
        return NOT_KNOWN
    stream = RUNS_STREAM.stream(run_id)
    if change.field == _NAME_TAG and change.wanted is not None:
        name = next((one.wanted for one in wanted[stream] if one.field == NAME), held.get(NAME))
        if name != change.wanted:
            return _IS_THE_NAME
    if change.field == LIFECYCLE or is_restored(wanted, stream):
        return None
    run = await known.existing(RUNS, run_id)
    experiment = await known.existing(EXPERIMENTS, run.experiment_id)
    if is_active(run, experiment) or is_restored(wanted, EXPERIMENTS_STREAM.stream(str(run.experiment_id))):
        return None
    return _DELETED


async def _events(known: KnownEntities, run_id: str, held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """A run is restored before all else, and deleted after it."""
    by_field = {change.field: change for change in changes}
    lifecycle = by_field.pop(LIFECYCLE, None)
    if NAME in by_field:
        _follow_the_name(by_field, held)
    updated = [by_field.pop(field) for field in _UPDATED if field in by_field]
    events: list[AnyEvent] = [_update(run_id, updated)] if updated else []
    events += _corrections(run_id, by_field.values())
    events += _inputs(run_id, [one for one in changes if one.field.startswith((DATASETS, INPUT_MODELS))])
    events += _outputs(run_id, [one for one in changes if one.field.startswith(OUTPUT_MODELS)])
    events += _tag_events(run_id, [change for change in by_field.values() if change.field.startswith(TAGS)])
    if lifecycle is None:
        return events
    run = await known.existing(RUNS, run_id)
    experiment = await known.current(EXPERIMENTS, run.experiment_id)
    revision, undo = experiment.lifecycle_revision, undo_of([lifecycle])
    if lifecycle.wanted == ACTIVE:
        return [RunRestored(run_id=run_id, experiment_revision=revision, undo=undo), *events]
    return [*events, RunDeleted(run_id=run_id, experiment_revision=revision, undo=undo)]


def _follow_the_name(by_field: dict[str, Change], held: Held) -> None:
    """The change of a name changes the tag of the name with it. Where no tag is wanted, that is deleted after it."""
    name, tag = by_field[NAME], by_field.pop(_NAME_TAG, None)
    wanted = held.get(_NAME_TAG) if tag is None else tag.wanted
    if wanted is None:
        by_field[_NAME_TAG] = Change(_NAME_TAG, name.wanted, None, name.undoes if tag is None else tag.undoes)


def _update(run_id: str, changes: Sequence[Change]) -> RunUpdated:
    wanted = {change.field: change.wanted for change in changes}
    end_time_ms = wanted.get(END_TIME)
    return RunUpdated(
        run_id=run_id,
        status=_text(wanted.get(STATUS)),
        end_time_ms=None if end_time_ms is None else int(end_time_ms),
        name=_text(wanted.get(NAME)),
        clears_end_time=END_TIME in wanted and end_time_ms is None,
        undo=undo_of(changes),
    )


def _corrections(run_id: str, changes: Iterable[Change]) -> Iterator[AnyEvent]:
    """Of params and of points; they correct nothing but what was undone, and so give no other reason."""
    for change in changes:
        if change.field.startswith(PARAMS):
            key = change.field.removeprefix(PARAMS)
            yield RunParamCorrected(run_id=run_id, key=key, value=_text(change.wanted), undo=undo_of([change]))
        elif change.points:
            key = change.field.removeprefix(METRICS)
            yield RunMetricCorrected(run_id=run_id, key=key, points=list(change.points), undo=undo_of([change]))


def _inputs(run_id: str, changes: Sequence[Change]) -> Iterator[AnyEvent]:
    """What is to be known of a dataset its event says; what was found is only that it is there."""
    removed = [change for change in changes if change.found is not None]
    logged = [change for change in changes if change.wanted is not None]
    if removed:
        datasets = [dataset_in(one.found) for one in removed if one.field.startswith(DATASETS)]
        yield RunInputsRemoved(
            run_id=run_id,
            datasets=[DatasetName(one.name, one.digest) for one in datasets],
            model_ids=_without(INPUT_MODELS, removed),
            undo=_undo_where(removed, THERE),
        )
    if logged:
        yield RunInputsLogged(
            run_id=run_id,
            datasets=[dataset_in(one.wanted) for one in logged if one.field.startswith(DATASETS)],
            model_ids=_without(INPUT_MODELS, logged),
            undo=_undo_where(logged, None),
        )


def _outputs(run_id: str, changes: Sequence[Change]) -> Iterator[AnyEvent]:
    removed = [change for change in changes if change.found is not None]
    logged = [change for change in changes if change.wanted is not None]
    if removed:
        yield RunOutputsRemoved(run_id=run_id, model_ids=_without(OUTPUT_MODELS, removed), undo=undo_of(removed))
    if logged:
        models = [ModelOutput(one.field.removeprefix(OUTPUT_MODELS), int(one.wanted or 0)) for one in logged]
        yield RunOutputsLogged(run_id=run_id, models=models, undo=_undo_where(logged, None))


def _undo_where(changes: Sequence[Change], found: int | None) -> Undo:
    """What an event says of the changes that it makes where each field is `found` just before it."""
    return Undo(undo_of(changes).events, {change.field: found for change in changes})


def _without(prefix: str, changes: Iterable[Change]) -> list[str]:
    return [one.field.removeprefix(prefix) for one in changes if one.field.startswith(prefix)]


def _tag_events(run_id: str, changes: Sequence[Change]) -> list[AnyEvent]:
    to_set = [change for change in changes if change.wanted is not None]
    events: list[AnyEvent] = []
    if to_set:
        tags = [Tag(change.field.removeprefix(TAGS), str(change.wanted)) for change in to_set]
        events.append(RunDataLogged(run_id=run_id, tags=tags, undo=undo_of(to_set)))
    for change in changes:
        if change.wanted is None:
            key = change.field.removeprefix(TAGS)
            events.append(RunTagDeleted(run_id=run_id, key=key, undo=undo_of([change])))
    return events


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _stays(event: AnyEvent) -> str | None:
    if isinstance(event, RunDataLogged) and event.model_metrics:
        return "The points that it logged for logged models stay."
    return None


def _entity(run_id: str) -> tuple[EntityKind[str, KnownRun], str]:
    return RUNS, run_id


RUNS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(_rule, lambda run_id, _field: RestoreRun(run_id=run_id)),
    hindrance=_hindrance,
    events=_events,
    entity=_entity,
    stays=_stays,
)
