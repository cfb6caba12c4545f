"""How what happened to an evaluation dataset is undone: to its tags, its experiments and its records, and its delete.

A dataset that was deleted is restored by one event, and its records, which are gone, by others that say all of them.
Undoing that deletes them again, and only while nothing else was made of the dataset.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.experiments.lookups import EXPERIMENTS as KNOWN_EXPERIMENTS
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, Judged, Undoing, Wanted, undo_of
from schemas.dataset_records import MAX_RECORDS_OF_AN_EVENT, characters_of
from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsSet,
    EvaluationDatasetRestored,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    Tag,
    Undo,
)
from schemas.fields.evaluation_datasets import EXPERIMENTS, ORIGIN, RECORD_COUNT, RECORDS, record_digest, record_in
from schemas.fields.field import NAME, TAGS, Held
from schemas.levels import EXPERIMENT, Level
from schemas.messages.evaluation_datasets import AddDatasetToExperiments
from schemas.rest.access import On, Rule
from schemas.rest.rules import EDIT_EVALUATION_DATASET, MANAGE_EVALUATION_DATASET

_NOT_UNDONE: Final[Mapping[type, str]] = {
    EvaluationDatasetCreated: "An evaluation dataset that was created is not undone, but may be deleted.",
    EvaluationDatasetErased: ERASED,
}

_DELETED: Final = "The evaluation dataset is deleted."
_DELETED_WITH_MORE: Final = "It was changed since it was restored, and undoing would delete that too."
_EXPERIMENT_ERASED: Final = "The experiment {} was erased."

_MAX_EVENT_CHARACTERS: Final = 800_000
"""Of the records of one event, beside what it says that it found of them."""

_EDIT_BOTH: Final[Rule] = (*EDIT_EVALUATION_DATASET, On(Level.EDIT, EXPERIMENT, "experiment_ids"))

T = TypeVar("T")


def _rule(field: str) -> Rule:
    if field in (NAME, ORIGIN):
        return MANAGE_EVALUATION_DATASET
    return _EDIT_BOTH if field.startswith(EXPERIMENTS) else EDIT_EVALUATION_DATASET


def _judged_message(dataset_id: str, field: str) -> AddDatasetToExperiments:
    return AddDatasetToExperiments(dataset_id=dataset_id, experiment_ids=[field.removeprefix(EXPERIMENTS)])


def _hindrance_of_all(held: Held, changes: Sequence[Change]) -> str | None:
    by_field = {one.field: one for one in changes}
    if held.get(NAME) is None and NAME not in by_field:
        return _DELETED
    if _is_deleted(by_field) and any(value is not None and field not in by_field for field, value in held.items()):
        return _DELETED_WITH_MORE
    return None


async def _hindrance(known: KnownEntities, _key: str, _held: Held, change: Change, _wanted: Wanted) -> str | None:
    if change.field.startswith(EXPERIMENTS) and change.wanted is not None:
        experiment_id = int(change.field.removeprefix(EXPERIMENTS))
        if await known.lookups.one(KNOWN_EXPERIMENTS.lookup, experiment_id) is None:
            return _EXPERIMENT_ERASED.format(experiment_id)
    return None


def _is_deleted(changes: Mapping[str, Change]) -> bool:
    return NAME in changes and changes[NAME].wanted is None


async def _events(_known: KnownEntities, dataset_id: str, held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """A dataset is restored before all else, and deleted once it has no records."""
    of_records = [change for change in changes if change.field.startswith(RECORDS)]
    others = [change for change in changes if not change.field.startswith(RECORDS)]
    records = list(_records(dataset_id, of_records))
    if held.get(NAME) is None:
        return [_restored(dataset_id, others), *records]
    if _is_deleted({change.field: change for change in others}):
        undo = undo_of(others)
        found = {field: value for field, value in undo.found.items() if field != ORIGIN}
        undo = Undo(undo.events, {**found, RECORD_COUNT: 0})
        return [*records, EvaluationDatasetDeleted(dataset_id=dataset_id, undo=undo)]
    return [*records, *(_event(dataset_id, change) for change in others)]


def _restored(dataset_id: str, changes: Sequence[Change]) -> EvaluationDatasetRestored:
    wanted = {change.field: change.wanted for change in changes}
    return EvaluationDatasetRestored(
        dataset_id=dataset_id,
        name=str(wanted[NAME]),
        **orjson.loads(str(wanted[ORIGIN])),
        experiment_ids=[int(field.removeprefix(EXPERIMENTS)) for field in wanted if field.startswith(EXPERIMENTS)],
        tags=[Tag(field.removeprefix(TAGS), str(value)) for field, value in wanted.items() if field.startswith(TAGS)],
        undo=undo_of(changes),
    )


def _records(dataset_id: str, changes: Sequence[Change]) -> Iterator[AnyEvent]:
    for some in _in_parts([one for one in changes if one.wanted is None], lambda _change: 0):
        record_ids = [record_in(change.found).record_id for change in some]
        yield EvaluationDatasetRecordsDeleted(dataset_id=dataset_id, record_ids=record_ids, undo=_undo_of(some))
    to_set = [one for one in changes if one.wanted is not None]
    for some in _in_parts(to_set, lambda change: characters_of(record_in(change.wanted))):
        records = [record_in(change.wanted) for change in some]
        yield EvaluationDatasetRecordsSet(dataset_id=dataset_id, records=records, undo=_undo_of(some))


def _undo_of(changes: Sequence[Change]) -> Undo:
    """What is found of a record is its digest: it may be long."""
    found = {change.field: None if change.found is None else record_in(change.found) for change in changes}
    return Undo(undo_of(changes).events, {field: record_digest(record) for field, record in found.items()})


def _in_parts(several: Sequence[T], characters: Callable[[T], int]) -> Iterator[list[T]]:
    """Parts of which none is longer than a log likes."""
    part: list[T] = []
    length = 0
    for one in several:
        if part and (len(part) == MAX_RECORDS_OF_AN_EVENT or length + characters(one) > _MAX_EVENT_CHARACTERS):
            yield part
            part, length = [], 0
        part.append(one)
        length += characters(one)
    if part:
        yield part


def _event(dataset_id: str, change: Change) -> AnyEvent:
    undo = undo_of([change])
    if change.field.startswith(EXPERIMENTS):
        moved = EvaluationDatasetExperimentsRemoved if change.wanted is None else EvaluationDatasetExperimentsAdded
        return moved(dataset_id=dataset_id, experiment_ids=[int(change.field.removeprefix(EXPERIMENTS))], undo=undo)
    key = change.field.removeprefix(TAGS)
    if change.wanted is None:
        return EvaluationDatasetTagDeleted(dataset_id=dataset_id, key=key, undo=undo)
    return EvaluationDatasetTagsSet(dataset_id=dataset_id, tags=[Tag(key, str(change.wanted))], undo=undo)


EVALUATION_DATASETS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(_rule, _judged_message),
    hindrance_of_all=_hindrance_of_all,
    hindrance=_hindrance,
    events=_events,
)
