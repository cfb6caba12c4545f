"""What the events of an evaluation dataset set: its name, its tags, its experiments and its records.

A dataset that has no ORIGIN is gone, and its records with it.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Final, assert_never

import msgspec
import orjson

from schemas.dataset_records import input_hash, merged, new_record, record_id_of
from schemas.events import (
    AnyEvaluationDatasetEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetErased,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetExperimentsRemoved,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsSet,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetRestored,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    WholeRecord,
)
from schemas.fields.field import NAME, TAGS, THERE, Held, Value, tags_of
from schemas.mlflow import USER_TAG

ORIGIN: Final = "origin"
"""When and by whom it was created, as JSON."""

EXPERIMENTS: Final = "experiments."
"""By their ids."""

RECORDS: Final = "records."
"""By the hash of their inputs, and as JSON."""

RECORD_COUNT: Final = "record_count"
"""What an event may have found: that there are no records any more. No event sets it."""

_encode: Final = msgspec.json.Encoder().encode
_record: Final = msgspec.json.Decoder(WholeRecord)


class _Identified(msgspec.Struct, gc=False):
    record_id: str


_identified: Final = msgspec.json.Decoder(_Identified)


def set_by_evaluation_dataset_event(
    event: AnyEvaluationDatasetEvent, held: Held, time_ms: int, event_id: str
) -> Mapping[str, Value]:
    match event:
        case EvaluationDatasetCreated():
            created_by = next((tag.value for tag in reversed(event.tags) if tag.key == USER_TAG), None)
            return {
                NAME: event.name,
                ORIGIN: origin(time_ms, created_by),
                **tags_of(event.tags),
                **_experiments(event.experiment_ids, THERE),
            }
        case EvaluationDatasetRestored():
            return {
                NAME: event.name,
                ORIGIN: origin(event.created_time_ms, event.created_by),
                **tags_of(event.tags),
                **_experiments(event.experiment_ids, THERE),
            }
        case EvaluationDatasetDeleted():
            return dict.fromkeys(held)
        case EvaluationDatasetTagsSet():
            return tags_of(event.tags)
        case EvaluationDatasetTagDeleted():
            return {f"{TAGS}{event.key}": None}
        case EvaluationDatasetExperimentsAdded():
            return _experiments(event.experiment_ids, THERE)
        case EvaluationDatasetExperimentsRemoved():
            return _experiments(event.experiment_ids, None)
        case EvaluationDatasetRecordsUpserted():
            return _upserted(event, held, time_ms, event_id)
        case EvaluationDatasetRecordsSet():
            return {record_field(one.inputs): record_text(one) for one in event.records}
        case EvaluationDatasetRecordsDeleted():
            return dict.fromkeys(_fields_of_records(held, frozenset(event.record_ids)))
        case EvaluationDatasetErased():
            return {}
        case _:
            assert_never(event)


def origin(created_time_ms: int, created_by: str | None) -> str:
    """What ORIGIN is."""
    return orjson.dumps({"created_time_ms": created_time_ms, "created_by": created_by}).decode()


def record_field(inputs: str) -> str:
    """The name of the field of the record with these inputs."""
    return f"{RECORDS}{input_hash(json.loads(inputs))}"


def record_text(record: WholeRecord) -> str:
    """A record as a field holds it."""
    return _encode(record).decode()


def record_in(value: Value) -> WholeRecord:
    """The record that a field holds."""
    return _record.decode(str(value))


def record_digest(record: WholeRecord | None) -> str | None:
    """What an event says that it found of a record, which may be long; None of none."""
    return None if record is None else hashlib.sha256(_encode(record)).hexdigest()[:16]


def _upserted(event: EvaluationDatasetRecordsUpserted, held: Held, time_ms: int, event_id: str) -> Mapping[str, Value]:
    made: dict[str, WholeRecord] = {}
    for place, given in enumerate(event.records):
        field = record_field(given.inputs)
        known = made.get(field)
        if known is None and (value := held.get(field)) is not None:
            known = record_in(value)
        if known is None:
            known = new_record(given.record_id or record_id_of(uuid.UUID(event_id).bytes, place), given, time_ms)
        made[field] = merged(known, given, time_ms)
    return {field: record_text(record) for field, record in made.items()}


def _fields_of_records(held: Held, record_ids: frozenset[str]) -> list[str]:
    return [
        field
        for field, value in held.items()
        if value is not None and field.startswith(RECORDS) and _identified.decode(str(value)).record_id in record_ids
    ]


def _experiments(experiment_ids: list[int], value: Value) -> dict[str, Value]:
    return {f"{EXPERIMENTS}{one}": value for one in experiment_ids}
