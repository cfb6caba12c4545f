"""What the events of an evaluation dataset set: its name and its tags. Its records and experiments are no fields."""

from collections.abc import Mapping
from typing import assert_never

from schemas.events import (
    AnyEvaluationDatasetEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
)
from schemas.fields.field import NAME, TAGS, Held, Value, tags_of


def set_by_evaluation_dataset_event(event: AnyEvaluationDatasetEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case EvaluationDatasetCreated():
            return {NAME: event.name, **tags_of(event.tags)}
        case EvaluationDatasetDeleted():
            return dict.fromkeys(held)
        case EvaluationDatasetTagsSet():
            return tags_of(event.tags)
        case EvaluationDatasetTagDeleted():
            return {f"{TAGS}{event.key}": None}
        case (
            EvaluationDatasetExperimentsAdded()
            | EvaluationDatasetExperimentsRemoved()
            | EvaluationDatasetRecordsUpserted()
            | EvaluationDatasetRecordsDeleted()
            | EvaluationDatasetErased()
        ):
            return {}
        case _:
            assert_never(event)
