"""How what happened to an experiment is undone.

Undoing the delete of an experiment restores it, and with it its runs, also those that had been deleted before; undoing
its restore deletes it with them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.experiments.lookups import EXPERIMENT_NAMED, EXPERIMENTS
from ingest.experiments.state import KnownExperiment
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, NOT_KNOWN, Judged, Undoing, Wanted, is_restored, undo_of
from schemas.events import (
    AnyEvent,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentErased,
    ExperimentOwnerRemoved,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
)
from schemas.events.experiments import EXPERIMENTS as EXPERIMENTS_STREAM
from schemas.fields.field import LIFECYCLE, NAME, TAGS, Held
from schemas.messages.experiments import RestoreExperiment
from schemas.mlflow import ACTIVE
from schemas.rest.access import Rule
from schemas.rest.rules import EDIT_EXPERIMENT, MANAGE_EXPERIMENT

_NOT_UNDONE: Final[Mapping[type, str]] = {
    ExperimentErased: ERASED,
    ExperimentCreated: "An experiment that was created is not undone, but may be deleted.",
    ExperimentOwnerRemoved: "An owner is not given back: grant what they may do.",
}

_DELETED: Final = "The experiment is deleted: restore it first, or undo its delete in the same step."


def _rule(field: str) -> Rule:
    return MANAGE_EXPERIMENT if field == LIFECYCLE else EDIT_EXPERIMENT


async def _hindrance(
    known: KnownEntities, experiment_id: str, held: Held, change: Change, wanted: Wanted
) -> str | None:
    if change.field == LIFECYCLE:
        return NOT_KNOWN if change.wanted is None else None
    if held.get(LIFECYCLE) != ACTIVE and not is_restored(wanted, EXPERIMENTS_STREAM.stream(experiment_id)):
        return _DELETED
    if change.field != NAME:
        return None
    if change.wanted is None:
        return NOT_KNOWN
    holder = await known.lookups.one(EXPERIMENT_NAMED, str(change.wanted))
    if holder is not None and str(holder.experiment_id) != experiment_id:
        return f"The name is that of experiment {holder.experiment_id} now."
    return None


async def _events(_known: KnownEntities, key: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """An experiment is restored before all else, and deleted after it."""
    return [_event(int(key), change) for change in sorted(changes, key=_place)]


def _place(change: Change) -> int:
    return 0 if change.field != LIFECYCLE else -1 if change.wanted == ACTIVE else 1


def _event(experiment_id: int, change: Change) -> AnyEvent:
    undo = undo_of([change])
    if change.field == LIFECYCLE:
        event = ExperimentRestored if change.wanted == ACTIVE else ExperimentDeleted
        return event(experiment_id=experiment_id, undo=undo)
    if change.field == NAME:
        return ExperimentRenamed(experiment_id=experiment_id, name=str(change.wanted), undo=undo)
    key = change.field.removeprefix(TAGS)
    if change.wanted is None:
        return ExperimentTagDeleted(experiment_id=experiment_id, key=key, undo=undo)
    return ExperimentTagSet(experiment_id=experiment_id, key=key, value=str(change.wanted), undo=undo)


def _entity(key: str) -> tuple[EntityKind[int, KnownExperiment], int]:
    return EXPERIMENTS, int(key)


EXPERIMENTS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(_rule, lambda key, _field: RestoreExperiment(experiment_id=key)),
    hindrance=_hindrance,
    events=_events,
    entity=_entity,
)
