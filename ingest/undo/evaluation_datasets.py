"""How what happened to an evaluation dataset is undone: its tags are."""

from collections.abc import Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import KnownEntities
from ingest.undo.trace import Change
from ingest.undo.undoing import Judged, Undoing, Wanted, undo_of
from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    Tag,
)
from schemas.fields.field import NAME, TAGS, Held
from schemas.messages.evaluation_datasets import DeleteEvaluationDataset
from schemas.rest.rules import EDIT_EVALUATION_DATASET

_NOT_UNDONE: Final[Mapping[type, str]] = {
    EvaluationDatasetCreated: "An evaluation dataset that was created is not undone, but may be deleted.",
    EvaluationDatasetDeleted: "An evaluation dataset that was deleted is gone for good, with its records.",
    EvaluationDatasetErased: "What was erased does not come back.",
    EvaluationDatasetExperimentsAdded: "It is not undone: remove the dataset from the experiments.",
    EvaluationDatasetExperimentsRemoved: "It is not undone: add the dataset to the experiments.",
    EvaluationDatasetRecordsUpserted: "Records that were merged stay as they are: upsert or delete them.",
    EvaluationDatasetRecordsDeleted: "Records that were deleted are gone for good: upsert them again.",
}


async def _hindrance(_known: KnownEntities, _key: str, held: Held, _change: Change, _wanted: Wanted) -> str | None:
    return "The evaluation dataset is deleted." if held.get(NAME) is None else None


async def _events(_known: KnownEntities, dataset_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    return [_event(dataset_id, change) for change in changes]


def _event(dataset_id: str, change: Change) -> AnyEvent:
    key, undo = change.field.removeprefix(TAGS), undo_of([change])
    if change.wanted is None:
        return EvaluationDatasetTagDeleted(dataset_id=dataset_id, key=key, undo=undo)
    return EvaluationDatasetTagsSet(dataset_id=dataset_id, tags=[Tag(key, str(change.wanted))], undo=undo)


EVALUATION_DATASETS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(lambda _field: EDIT_EVALUATION_DATASET, lambda key, _field: DeleteEvaluationDataset(dataset_id=key)),
    hindrance=_hindrance,
    events=_events,
)
