"""The projection of evaluation datasets and their records."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Final, get_args

from projector.changes import Change, Delete, DeleteBy, InsertNew, Read, ReadPairs, Row, Upsert
from projector.erasures import DELETED_STREAMS
from projector.projection import Loading, Projection
from schemas.dataset_records import (
    MAX_RECORD_CHARACTERS,
    RecordsSchema,
    characters_of,
    digest_of,
    input_hash,
    json_text,
    record_id_of,
)
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists
from schemas.events import (
    AnyEvaluationDatasetEvent,
    DatasetRecord,
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
from schemas.fields import refuse_if_changed
from schemas.fields.field import TAGS
from schemas.messages.evaluation_datasets import evaluation_dataset_not_found
from schemas.mlflow import USER_TAG


@dataclass(slots=True)
class Dataset:
    """A row of `evaluation_datasets`."""

    dataset_id: str
    name: str
    tags: dict[str, str]
    schema: str | None
    record_count: int | None  # None before the first records
    digest: str
    created_time_ms: int
    last_update_time_ms: int
    created_by: str | None
    last_updated_by: str | None


@dataclass(slots=True)
class Record:
    """A row of `evaluation_dataset_records`."""

    dataset_id: str
    record_id: str
    input_hash: str
    inputs: str
    outputs: str | None
    expectations: str | None
    tags: str
    source: str | None
    source_id: str | None
    source_type: str | None
    created_time_ms: int
    last_update_time_ms: int
    created_by: str | None
    last_updated_by: str | None


@dataclass(slots=True)
class EvaluationDatasets:
    """The datasets that a batch is about, the records that it names, and what it changes of them."""

    datasets: dict[str, Dataset] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    experiments: dict[tuple[str, int], bool] = field(default_factory=dict)  # changes only; False deletes
    tags: dict[tuple[str, str], str | None] = field(default_factory=dict)  # changes only; None deletes
    records: dict[tuple[str, str], Record] = field(default_factory=dict)  # by the hash of the inputs
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)  # by the id of the record
    of_inputs: dict[str, str] = field(default_factory=dict)  # the hash of inputs by their JSON, made once
    changed_records: dict[tuple[str, str], Record | None] = field(default_factory=dict)  # by id; None deletes
    stored_experiments: dict[str, list[int]] = field(default_factory=dict)  # of those that are to be deleted
    deleted_streams: set[tuple[str, int]] = field(default_factory=set)  # with the experiments that had them


_COLUMNS: Final = (
    "dataset_id",
    "name",
    "tags",
    "schema",
    "record_count",
    "digest",
    "created_time_ms",
    "last_update_time_ms",
    "created_by",
    "last_updated_by",
)
_RECORD: Final = tuple(Record.__dataclass_fields__)
_RECORD_ROW: Final = attrgetter(*_RECORD)
_BY_INPUT: Final = ("dataset_id", "input_hash")
_BY_ID: Final = ("dataset_id", "record_id")


def _load(events: Sequence[AnyEvaluationDatasetEvent]) -> Loading[EvaluationDatasets]:
    state = EvaluationDatasets()
    for dataset_id, name, tags, schema, count, *rest in (
        yield Read("evaluation_datasets", _COLUMNS, "dataset_id", {event.dataset_id for event in events})
    ):
        held = None if schema is None else count
        state.datasets[dataset_id] = Dataset(dataset_id, name, json.loads(tags), schema, held, *rest)
    hashes: dict[str, set[str]] = {}
    ids: dict[str, set[str]] = {}
    for event in events:
        if event.dataset_id not in state.datasets:
            continue
        if isinstance(event, EvaluationDatasetRecordsUpserted):
            hashes.setdefault(event.dataset_id, set()).update(_hash(state, record.inputs) for record in event.records)
        elif isinstance(event, EvaluationDatasetRecordsDeleted):
            ids.setdefault(event.dataset_id, set()).update(event.record_ids)
        elif isinstance(event, EvaluationDatasetDeleted):
            state.stored_experiments[event.dataset_id] = []
    deleted = state.stored_experiments
    of_deleted = Read("evaluation_dataset_experiments", ("dataset_id", "experiment_id"), "dataset_id", deleted.keys())
    for dataset_id, experiment_id in (yield of_deleted):
        deleted[dataset_id].append(experiment_id)
    for by, keys in ((_BY_INPUT, hashes), (_BY_ID, ids)):
        if keys:
            for row in (yield ReadPairs("evaluation_dataset_records", _RECORD, by, keys)):
                _hold(state, Record(*row))
    return state


def _hold(state: EvaluationDatasets, record: Record) -> None:
    state.records[record.dataset_id, record.input_hash] = record
    state.hashes[record.dataset_id, record.record_id] = record.input_hash


def _hash(state: EvaluationDatasets, inputs: str) -> str:
    found = state.of_inputs.get(inputs)
    if found is None:
        found = state.of_inputs[inputs] = input_hash(json.loads(inputs))
    return found


def _fold(state: EvaluationDatasets, recorded: RecordedEvent, event: AnyEvaluationDatasetEvent) -> None:
    dataset = state.datasets.get(event.dataset_id)
    time_ms = recorded.time_us // 1000
    if isinstance(event, EvaluationDatasetCreated):
        if dataset is not None:
            raise ResourceAlreadyExists(f"Evaluation dataset id {event.dataset_id} is taken.")
        _create(state, event, time_ms)
        return
    if dataset is None:
        raise evaluation_dataset_not_found(event.dataset_id)
    tags = dataset.tags
    refuse_if_changed(event.undo, lambda name: tags.get(name.removeprefix(TAGS)))
    match event:
        case EvaluationDatasetRecordsUpserted():
            _upsert(state, dataset, recorded, event)
        case EvaluationDatasetRecordsDeleted():
            _delete_records(state, dataset, event)
        case EvaluationDatasetTagsSet():
            for tag in event.tags:
                dataset.tags[tag.key] = state.tags[dataset.dataset_id, tag.key] = tag.value
        case EvaluationDatasetTagDeleted():
            dataset.tags.pop(event.key, None)
            state.tags[dataset.dataset_id, event.key] = None
        case EvaluationDatasetExperimentsAdded() | EvaluationDatasetExperimentsRemoved():
            is_added = isinstance(event, EvaluationDatasetExperimentsAdded)
            for experiment_id in event.experiment_ids:
                state.experiments[dataset.dataset_id, experiment_id] = is_added
            dataset.last_update_time_ms = max(dataset.last_update_time_ms, time_ms)
        case EvaluationDatasetDeleted() | EvaluationDatasetErased():
            _delete(state, dataset, recorded.stream)
            return
    state.changed.add(dataset.dataset_id)


def _create(state: EvaluationDatasets, event: EvaluationDatasetCreated, time_ms: int) -> None:
    tags = {tag.key: tag.value for tag in event.tags}
    user, digest = tags.get(USER_TAG), digest_of(event.name, time_ms)
    dataset = Dataset(event.dataset_id, event.name, tags, None, None, digest, time_ms, time_ms, user, user)
    state.datasets[event.dataset_id] = dataset
    state.changed.add(event.dataset_id)
    state.tags |= {(event.dataset_id, key): value for key, value in tags.items()}
    state.experiments |= dict.fromkeys(((event.dataset_id, one) for one in event.experiment_ids), True)


def _delete(state: EvaluationDatasets, dataset: Dataset, stream: str) -> None:
    dataset_id = dataset.dataset_id
    changed = {key[1]: is_there for key, is_there in state.experiments.items() if key[0] == dataset_id}
    had = dict.fromkeys(state.stored_experiments.pop(dataset_id, ()), True) | changed
    state.deleted_streams |= {(stream, experiment_id) for experiment_id, is_there in had.items() if is_there}
    del state.datasets[dataset_id]
    state.changed.discard(dataset_id)
    state.deleted.add(dataset_id)
    state.experiments = {key: one for key, one in state.experiments.items() if key[0] != dataset_id}
    state.tags = {key: one for key, one in state.tags.items() if key[0] != dataset_id}
    state.changed_records = {key: one for key, one in state.changed_records.items() if key[0] != dataset_id}
    # What is created by the same id afterwards is new, in this batch as in the next.
    state.records = {key: one for key, one in state.records.items() if key[0] != dataset_id}
    state.hashes = {key: one for key, one in state.hashes.items() if key[0] != dataset_id}


# --- records ----------------------------------------------------------------------------------------------------------


def _upsert(
    state: EvaluationDatasets, dataset: Dataset, recorded: RecordedEvent, event: EvaluationDatasetRecordsUpserted
) -> None:
    """Raises InvalidParameterValue, with nothing changed, for a record that would become too long."""
    time_ms = recorded.time_us // 1000
    schema, user, inserted = RecordsSchema(dataset.schema), None, 0
    made: dict[str, Record] = {}
    for place, given in enumerate(event.records):
        inputs, tags = json.loads(given.inputs), _object(given.tags)
        expectations = _object(given.expectations)
        outputs = None if given.outputs is None else json.loads(given.outputs)
        schema.add(inputs, outputs, expectations)
        by = tags.get(USER_TAG)
        user = by if isinstance(by, str) else user
        of_inputs = _hash(state, given.inputs)
        known = made.get(of_inputs) or state.records.get((dataset.dataset_id, of_inputs))
        if known is None:
            inserted += 1
            record_id = given.record_id or record_id_of(recorded.id, place)
            known = _new(dataset.dataset_id, record_id, of_inputs, given, time_ms)
        merged = made[of_inputs] = _merged(known, given, expectations, tags, time_ms)
        if characters_of(merged) > MAX_RECORD_CHARACTERS:
            raise InvalidParameterValue(
                f"Record {merged.record_id} of the evaluation dataset {dataset.dataset_id} would have"
                f" {characters_of(merged)} characters, which exceeds the maximum length of {MAX_RECORD_CHARACTERS}."
            )
    for record in made.values():
        _hold(state, record)
        state.changed_records[dataset.dataset_id, record.record_id] = record
    dataset.schema = schema.text
    dataset.record_count = (dataset.record_count or 0) + inserted
    dataset.last_update_time_ms = max(dataset.last_update_time_ms, time_ms)
    dataset.digest = digest_of(dataset.name, dataset.last_update_time_ms)
    dataset.last_updated_by = user


def _object(text: str | None) -> dict[str, Any]:
    return {} if text is None else dict(json.loads(text))


def _new(dataset_id: str, record_id: str, of_inputs: str, given: DatasetRecord, time_ms: int) -> Record:
    """A record of which nothing was merged yet. Outputs that nothing was said of are an empty object."""
    source = _object(given.source)
    source_type = source.get("source_type")
    data = source.get("source_data")
    source_id = data.get("trace_id" if source_type == "TRACE" else "source_id") if isinstance(data, dict) else None
    return Record(
        dataset_id=dataset_id,
        record_id=record_id,
        input_hash=of_inputs,
        inputs=given.inputs,
        outputs="{}",
        expectations=given.expectations,
        tags="{}",
        source=given.source,
        source_id=None if source_id is None else str(source_id),
        source_type=source_type,
        created_time_ms=time_ms,
        last_update_time_ms=time_ms,
        created_by=_object(given.tags).get(USER_TAG),
        last_updated_by=None,
    )


def _merged(
    known: Record, given: DatasetRecord, expectations: dict[str, Any], tags: dict[str, Any], time_ms: int
) -> Record:
    """Expectations and tags key by key, outputs whole; its source, and who made it when, a record keeps."""
    record = replace(known, last_update_time_ms=max(known.last_update_time_ms, time_ms))
    if given.outputs is not None:
        record.outputs = None if given.outputs == "null" else given.outputs
    if expectations:
        record.expectations = json_text(_object(known.expectations) | expectations)
    if tags:
        record.tags = json_text(_object(known.tags) | tags)
        record.last_updated_by = tags.get(USER_TAG, known.last_updated_by)
    return record


def _delete_records(state: EvaluationDatasets, dataset: Dataset, event: EvaluationDatasetRecordsDeleted) -> None:
    """Those that are not there count for nothing."""
    for record_id in event.record_ids:
        key = dataset.dataset_id, record_id
        of_inputs = state.hashes.pop(key, None)
        if of_inputs is not None:
            del state.records[dataset.dataset_id, of_inputs]
            state.changed_records[key] = None
            dataset.record_count = (dataset.record_count or 0) - 1


# --- rows -------------------------------------------------------------------------------------------------------------


def _changes(state: EvaluationDatasets) -> Iterator[Change]:
    yield InsertNew(DELETED_STREAMS, sorted(state.deleted_streams))
    deleted = [(dataset_id,) for dataset_id in sorted(state.deleted)]
    for table in ("evaluation_dataset_records", "evaluation_dataset_tags", "evaluation_dataset_experiments"):
        yield DeleteBy(table, "dataset_id", deleted)
    yield Delete("evaluation_datasets", deleted)
    yield Upsert("evaluation_datasets", [_row(state.datasets[one]) for one in sorted(state.changed)])
    yield Upsert("evaluation_dataset_tags", [(*key, value) for key, value in state.tags.items() if value is not None])
    yield Delete("evaluation_dataset_tags", [key for key, value in state.tags.items() if value is None])
    yield InsertNew("evaluation_dataset_experiments", [key for key, is_there in state.experiments.items() if is_there])
    yield Delete("evaluation_dataset_experiments", [key for key, is_there in state.experiments.items() if not is_there])
    # A record that was deleted leaves its inputs to another: first out, then in.
    changed = state.changed_records
    yield Delete("evaluation_dataset_records", [key for key, record in changed.items() if record is None])
    yield Upsert("evaluation_dataset_records", [_RECORD_ROW(one) for one in changed.values() if one is not None])


def _row(dataset: Dataset) -> Row:
    count = dataset.record_count
    return (
        dataset.dataset_id,
        dataset.name,
        json.dumps(dataset.tags, ensure_ascii=False, sort_keys=True),
        dataset.schema,
        None if count is None else json.dumps({"num_records": count}),
        count or 0,
        dataset.digest,
        dataset.created_time_ms,
        dataset.last_update_time_ms,
        dataset.created_by,
        dataset.last_updated_by,
    )


EVALUATION_DATASETS: Final = Projection(get_args(AnyEvaluationDatasetEvent), _load, _fold, _changes)
