"""The projection of experiments and their tags."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

from projector.changes import Change, Delete, DeleteBy, Read, ReadPairs, Row, Update, Upsert
from projector.erasures import refuse_erasure
from projector.projection import Loading, Orphan, Projection
from schemas.claims import claim_of
from schemas.envelope import RecordedEvent
from schemas.errors import BadRequest, InvalidState, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.events import (
    AnyExperimentEvent,
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentErased,
    ExperimentOwnerRemoved,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import TAGS, Value
from schemas.mlflow import ACTIVE, lifecycle_stage


@dataclass(slots=True)
class Experiment:
    """A row of `experiments`. `stored_name` None: not in the tables yet."""

    experiment_id: int
    name: str
    artifact_location: str
    active: bool
    lifecycle_us: int
    creation_time_ms: int
    last_update_time_ms: int
    lifecycle_revision: int = 0
    claim: str | None = None
    stored_name: str | None = None


@dataclass(slots=True)
class Experiments:
    """The experiments that a batch is about, and what it changes of them."""

    experiments: dict[int, Experiment] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)  # by name
    changed: set[int] = field(default_factory=set)
    tags: dict[tuple[int, str], str | None] = field(default_factory=dict)  # changes only; None deletes
    stored_tags: dict[tuple[int, str], str] = field(default_factory=dict)  # those that an undo says it found
    owners: dict[int, int | None] = field(default_factory=dict)  # changes only; None deletes
    erased: list[int] = field(default_factory=list)


_COLUMNS: Final = (
    "experiment_id",
    "name",
    "artifact_location",
    "lifecycle_stage",
    "lifecycle_us",
    "creation_time_ms",
    "last_update_time_ms",
    "lifecycle_revision",
    "claim",
)


_TAG: Final = ("experiment_id", "key", "value")


def _load(events: Sequence[AnyExperimentEvent]) -> Loading[Experiments]:
    names = {event.name for event in events if isinstance(event, ExperimentCreated | ExperimentRenamed)}
    state = Experiments()
    _add(state, (yield Read("experiments", _COLUMNS, "experiment_id", {event.experiment_id for event in events})))
    _add(state, (yield Read("experiments", _COLUMNS, "name", names)))
    if tags := _found_tags(events):
        for experiment_id, key, value in (yield ReadPairs("experiment_tags", _TAG, _TAG[:2], tags)):
            state.stored_tags[experiment_id, key] = value
    return state


def _found_tags(events: Sequence[AnyExperimentEvent]) -> dict[int, set[str]]:
    """The keys of the tags that events say they found, by experiment."""
    found: dict[int, set[str]] = {}
    for event in events:
        for name in () if event.undo is None else event.undo.found:
            if name.startswith(TAGS):
                found.setdefault(event.experiment_id, set()).add(name.removeprefix(TAGS))
    return found


def _add(state: Experiments, rows: Sequence[Row]) -> None:
    for row in rows:
        experiment = Experiment(*row)
        experiment.active = row[3] == ACTIVE
        experiment.stored_name = experiment.name
        state.experiments[experiment.experiment_id] = experiment
        state.ids[experiment.name] = experiment.experiment_id


def _fold(state: Experiments, recorded: RecordedEvent, event: AnyExperimentEvent) -> None:
    if event.undo is not None:
        refuse_if_changed(event.undo, partial(_held, state, _experiment(state, event.experiment_id)))
    match event:
        case ExperimentCreated():
            _created(state, recorded, event)
        case ExperimentAcknowledged():
            _acknowledged(state, event)
        case ExperimentRenamed():
            _renamed(state, recorded, event)
        case ExperimentDeleted():
            _set_lifecycle(state, recorded, event.experiment_id, active=False)
        case ExperimentRestored():
            _set_lifecycle(state, recorded, event.experiment_id, active=True)
        case ExperimentTagSet():
            _experiment(state, event.experiment_id)
            state.tags[event.experiment_id, event.key] = event.value
        case ExperimentTagDeleted():
            _experiment(state, event.experiment_id)
            state.tags[event.experiment_id, event.key] = None
        case ExperimentOwnerRemoved():
            _experiment(state, event.experiment_id)
            state.owners[event.experiment_id] = None
        case ExperimentErased():
            _erased(state, recorded, event)


def _experiment(state: Experiments, experiment_id: int) -> Experiment:
    experiment = state.experiments.get(experiment_id)
    if experiment is None:
        raise Orphan(f"experiment {experiment_id} was never created")
    return experiment


def _held(state: Experiments, experiment: Experiment, name: str) -> Value:
    """What a field of an experiment is, of those that an event of the batch says that it found."""
    match name:
        case "name":
            return experiment.name
        case "lifecycle_stage":
            return lifecycle_stage(experiment.active)
        case _:
            tag = experiment.experiment_id, name.removeprefix(TAGS)
            return state.tags[tag] if tag in state.tags else state.stored_tags.get(tag)


def _created(state: Experiments, recorded: RecordedEvent, event: ExperimentCreated) -> None:
    """The first claim of a name wins, and the first claim of an id.

    An experiment that several imports bring, which agree on name and id, is as old as the oldest of them says.
    """
    time_ms = recorded.time_us // 1000
    known = state.experiments.get(event.experiment_id)
    if event.origin is not None and known is not None and known.name == event.name:
        known.creation_time_ms = min(known.creation_time_ms, time_ms)
        known.last_update_time_ms = max(known.last_update_time_ms, time_ms)
        if not known.lifecycle_revision:
            known.lifecycle_us = min(known.lifecycle_us, recorded.time_us)
        state.changed.add(event.experiment_id)
        return
    if event.name in state.ids:
        raise ResourceAlreadyExists(f"Experiment '{event.name}' already exists.")
    if event.experiment_id in state.experiments:
        raise ResourceAlreadyExists(f"Experiment id {event.experiment_id} is taken.")
    state.experiments[event.experiment_id] = Experiment(
        event.experiment_id,
        event.name,
        event.artifact_location,
        True,
        recorded.time_us,
        time_ms,
        time_ms,
        claim=claim_of(recorded.actor, event) if event.awaits_acknowledgement else None,
    )
    state.ids[event.name] = event.experiment_id
    state.changed.add(event.experiment_id)
    for tag in event.tags:
        state.tags[event.experiment_id, tag.key] = tag.value
    if event.owner is not None:
        state.owners[event.experiment_id] = event.owner


def _erased(state: Experiments, recorded: RecordedEvent, event: ExperimentErased) -> None:
    """Its name is free then."""
    experiment = state.experiments.get(event.experiment_id)
    refuse_erasure(recorded, event, is_active=None if experiment is None else experiment.active)
    if experiment is not None:
        del state.experiments[event.experiment_id]
        del state.ids[experiment.name]
        state.changed.discard(event.experiment_id)
        state.tags = {key: value for key, value in state.tags.items() if key[0] != event.experiment_id}
        state.owners.pop(event.experiment_id, None)
        state.erased.append(event.experiment_id)


def _acknowledged(state: Experiments, event: ExperimentAcknowledged) -> None:
    """Of the requests that would be answered with the same experiment one is: the first in the log."""
    experiment = _experiment(state, event.experiment_id)
    if experiment.claim is None:
        raise ResourceAlreadyExists(f"Experiment '{experiment.name}' already exists.")
    experiment.claim = None
    state.changed.add(event.experiment_id)


def _renamed(state: Experiments, recorded: RecordedEvent, event: ExperimentRenamed) -> None:
    experiment = _experiment(state, event.experiment_id)
    if not experiment.active:
        raise InvalidState(f"Experiment {event.experiment_id} is deleted; only an active experiment can be renamed.")
    holder = state.ids.get(event.name)
    if holder is not None and holder != event.experiment_id:
        raise BadRequest(f"Experiment '{event.name}' already exists: it is experiment {holder}.")
    state.ids.pop(experiment.name, None)
    state.ids[event.name] = event.experiment_id
    experiment.name = event.name
    experiment.last_update_time_ms = max(experiment.last_update_time_ms, recorded.time_us // 1000)
    state.changed.add(event.experiment_id)


def _set_lifecycle(state: Experiments, recorded: RecordedEvent, experiment_id: int, *, active: bool) -> None:
    experiment = _experiment(state, experiment_id)
    if experiment.active == active:
        raise ResourceDoesNotExist(
            f"There is no {lifecycle_stage(not active)} experiment {experiment_id}; it is {lifecycle_stage(active)}."
        )
    experiment.active = active
    experiment.lifecycle_us = max(experiment.lifecycle_us + 1, recorded.time_us)
    experiment.lifecycle_revision += 1
    experiment.last_update_time_ms = max(experiment.last_update_time_ms, recorded.time_us // 1000)
    state.changed.add(experiment_id)


_OF_AN_EXPERIMENT: Final = ("experiment_tags", "experiment_owners", "experiments")
"""The tables with rows of an experiment, by its id. Its runs and logged models are erased by events of their own."""


def _changes(state: Experiments) -> Iterator[Change]:
    for table in _OF_AN_EXPERIMENT:
        yield DeleteBy(table, "experiment_id", [(one,) for one in state.erased])
    changed = [state.experiments[experiment_id] for experiment_id in sorted(state.changed)]
    # Old names are moved out of the way first: names that were swapped within a batch would meet each other.
    yield Update(
        "experiments",
        ("name",),
        [
            (f"{one.stored_name}\x01{one.experiment_id}", one.experiment_id)
            for one in changed
            if one.stored_name not in {None, one.name}
        ],
    )
    yield Upsert("experiments", [_row(experiment) for experiment in changed])
    yield Upsert("experiment_tags", [(*key, value) for key, value in state.tags.items() if value is not None])
    yield Delete("experiment_tags", [key for key, value in state.tags.items() if value is None])
    yield Upsert("experiment_owners", [(*one,) for one in state.owners.items() if one[1] is not None])
    yield Delete("experiment_owners", [(key,) for key, owner in state.owners.items() if owner is None])


def _row(experiment: Experiment) -> Row:
    return (
        experiment.experiment_id,
        experiment.name,
        experiment.artifact_location,
        lifecycle_stage(experiment.active),
        experiment.lifecycle_us,
        experiment.creation_time_ms,
        experiment.last_update_time_ms,
        experiment.lifecycle_revision,
        experiment.claim,
    )


EXPERIMENTS: Final = Projection(get_args(AnyExperimentEvent), _load, _fold, _changes)
