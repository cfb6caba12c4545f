"""What the events of an experiment set."""

from collections.abc import Mapping
from typing import assert_never

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
from schemas.fields.field import LIFECYCLE, NAME, TAGS, Held, Value, tags_of
from schemas.mlflow import ACTIVE, DELETED


def set_by_experiment_event(event: AnyExperimentEvent, _held: Held) -> Mapping[str, Value]:
    match event:
        case ExperimentCreated():
            return {NAME: event.name, LIFECYCLE: ACTIVE, **tags_of(event.tags)}
        case ExperimentRenamed():
            return {NAME: event.name}
        case ExperimentDeleted():
            return {LIFECYCLE: DELETED}
        case ExperimentRestored():
            return {LIFECYCLE: ACTIVE}
        case ExperimentTagSet():
            return {f"{TAGS}{event.key}": event.value}
        case ExperimentTagDeleted():
            return {f"{TAGS}{event.key}": None}
        case ExperimentAcknowledged() | ExperimentOwnerRemoved() | ExperimentErased():
            return {}
        case _:
            assert_never(event)
