"""The projection of evaluation datasets and their records."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

from projector.changes import Change, Delete, DeleteBy, InsertNew, Read, ReadPairs, Row, Upsert
from projector.erasures import DELETED_STREAMS
from projector.projection import Loading, Projection
from schemas.dataset_records import (
    MAX_RECORD_CHARACTERS,
    RecordsSchema,
    characters_of,
    digest_of,
    input_hash,
    merged,
    new_record,
    object_in,
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
    EvaluationDatasetRecordsSet,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetRestored,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    WholeRecord,
)
from schemas.fields import refuse_if_changed
from schemas.fields.evaluation_datasets import EXPERIMENTS, RECORD_COUNT, RECORDS, record_digest
from schemas.fields.field import NAME, TAGS, THERE, Value
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
class EvaluationDatasets:
    """The datasets that a batch is about, the records that it names, and what it changes of them."""

    datasets: dict[str, Dataset] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    experiments: dict[tuple[str, int], bool] = field(default_factory=dict)  # changes only; False deletes
    tags: dict[tuple[str, str], str | None] = field(default_factory=dict)  # changes only; None deletes
    records: dict[tuple[str, str], WholeRecord] = field(default_factory=dict)  # by the hash of the inputs
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)  # by the id of the record
    of_inputs: dict[str, str] = field(default_factory=dict)  # the hash of inputs by their JSON, made once
    changed_records: dict[tuple[str, str], Row | None] = field(default_factory=dict)  # by id; None deletes
    stored_experiments: dict[str, list[int]] = field(default_factory=dict)  # of those that are deleted, or undone
    deleted_streams: set[tuple[str, int]] = field(default_factory=set)  # with the experiments that had them
    restored_streams: set[str] = field(default_factory=set)


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
_RECORD: Final = tuple(WholeRecord.__struct_fields__)
_RECORD_COLUMNS: Final = ("dataset_id", "input_hash", *_RECORD)
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
        elif isinstance(event, EvaluationDatasetRecordsSet):
            hashes.setdefault(event.dataset_id, set()).update(_hash(state, record.inputs) for record in event.records)
        if isinstance(event, EvaluationDatasetDeleted) or event.undo is not None:
            state.stored_experiments[event.dataset_id] = []
    deleted = state.stored_experiments
    of_deleted = Read("evaluation_dataset_experiments", ("dataset_id", "experiment_id"), "dataset_id", deleted.keys())
    for dataset_id, experiment_id in (yield of_deleted):
        deleted[dataset_id].append(experiment_id)
    for by, keys in ((_BY_INPUT, hashes), (_BY_ID, ids)):
        if keys:
            for dataset_id, of_inputs, *row in (
                yield ReadPairs("evaluation_dataset_records", _RECORD_COLUMNS, by, keys)
            ):
                _hold(state, dataset_id, of_inputs, WholeRecord(**dict(zip(_RECORD, row, strict=True))))
    return state


def _hold(state: EvaluationDatasets, dataset_id: str, of_inputs: str, record: WholeRecord) -> None:
    state.records[dataset_id, of_inputs] = record
    state.hashes[dataset_id, record.record_id] = of_inputs


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
    if isinstance(event, EvaluationDatasetRestored):
        if dataset is not None:
            raise ResourceAlreadyExists(f"Evaluation dataset id {event.dataset_id} is there already.")
        _restore(state, event, time_ms, recorded.stream)
        return
    if dataset is None:
        raise evaluation_dataset_not_found(event.dataset_id)
    refuse_if_changed(event.undo, partial(_held, state, dataset))
    match event:
        case EvaluationDatasetRecordsUpserted():
            _upsert(state, dataset, recorded, event)
        case EvaluationDatasetRecordsSet():
            _set_records(state, dataset, event, time_ms)
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


def _held(state: EvaluationDatasets, dataset: Dataset, name: str) -> Value:
    """What a field of a dataset is, of those that an event of the batch says that it found."""
    if name.startswith(TAGS):
        return dataset.tags.get(name.removeprefix(TAGS))
    if name.startswith(RECORDS):
        return record_digest(state.records.get((dataset.dataset_id, name.removeprefix(RECORDS))))
    if name.startswith(EXPERIMENTS):
        return THERE if name.removeprefix(EXPERIMENTS) in map(str, _experiments_of(state, dataset.dataset_id)) else None
    if name == RECORD_COUNT:
        return dataset.record_count or 0
    return dataset.name if name == NAME else None


def _experiments_of(state: EvaluationDatasets, dataset_id: str) -> set[int]:
    changed = {key[1]: is_there for key, is_there in state.experiments.items() if key[0] == dataset_id}
    had = dict.fromkeys(state.stored_experiments.get(dataset_id, ()), True) | changed
    return {experiment_id for experiment_id, is_there in had.items() if is_there}


def _create(state: EvaluationDatasets, event: EvaluationDatasetCreated, time_ms: int) -> None:
    user = {tag.key: tag.value for tag in event.tags}.get(USER_TAG)
    _make(state, event, time_ms, time_ms, user)


def _restore(state: EvaluationDatasets, event: EvaluationDatasetRestored, time_ms: int, stream: str) -> None:
    _make(state, event, event.created_time_ms, time_ms, event.created_by)
    state.restored_streams.add(stream)
    state.deleted_streams = {one for one in state.deleted_streams if one[0] != stream}


def _make(
    state: EvaluationDatasets,
    event: EvaluationDatasetCreated | EvaluationDatasetRestored,
    created_ms: int,
    time_ms: int,
    user: str | None,
) -> None:
    tags, digest = {tag.key: tag.value for tag in event.tags}, digest_of(event.name, time_ms)
    dataset = Dataset(event.dataset_id, event.name, tags, None, None, digest, created_ms, time_ms, user, user)
    state.datasets[event.dataset_id] = dataset
    state.changed.add(event.dataset_id)
    state.tags |= {(event.dataset_id, key): value for key, value in tags.items()}
    state.experiments |= dict.fromkeys(((event.dataset_id, one) for one in event.experiment_ids), True)


def _delete(state: EvaluationDatasets, dataset: Dataset, stream: str) -> None:
    dataset_id = dataset.dataset_id
    state.deleted_streams |= {(stream, experiment_id) for experiment_id in _experiments_of(state, dataset_id)}
    state.stored_experiments.pop(dataset_id, None)
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
    made: dict[str, WholeRecord] = {}
    for place, given in enumerate(event.records):
        _add_to(schema, given)
        by = object_in(given.tags).get(USER_TAG)
        user = by if isinstance(by, str) else user
        of_inputs = _hash(state, given.inputs)
        known = made.get(of_inputs) or state.records.get((dataset.dataset_id, of_inputs))
        if known is None:
            inserted += 1
            known = new_record(given.record_id or record_id_of(recorded.id, place), given, time_ms)
        record = made[of_inputs] = merged(known, given, time_ms)
        if characters_of(record) > MAX_RECORD_CHARACTERS:
            raise InvalidParameterValue(
                f"Record {record.record_id} of the evaluation dataset {dataset.dataset_id} would have"
                f" {characters_of(record)} characters, which exceeds the maximum length of {MAX_RECORD_CHARACTERS}."
            )
    for of_inputs, record in made.items():
        _put(state, dataset, of_inputs, record)
    dataset.record_count = (dataset.record_count or 0) + inserted
    dataset.last_updated_by = user
    _records_changed(dataset, schema, time_ms)


def _add_to(schema: RecordsSchema, record: DatasetRecord | WholeRecord) -> None:
    outputs = None if record.outputs is None else json.loads(record.outputs)
    schema.add(json.loads(record.inputs), outputs, object_in(record.expectations))


def _put(state: EvaluationDatasets, dataset: Dataset, of_inputs: str, record: WholeRecord) -> None:
    _hold(state, dataset.dataset_id, of_inputs, record)
    state.changed_records[dataset.dataset_id, record.record_id] = _record_row(dataset.dataset_id, of_inputs, record)


def _records_changed(dataset: Dataset, schema: RecordsSchema, time_ms: int) -> None:
    dataset.schema = schema.text
    dataset.last_update_time_ms = max(dataset.last_update_time_ms, time_ms)
    dataset.digest = digest_of(dataset.name, dataset.last_update_time_ms)


def _set_records(state: EvaluationDatasets, dataset: Dataset, event: EvaluationDatasetRecordsSet, time_ms: int) -> None:
    """What a record takes the place of goes, also where that has another id. Who changed the dataset last stays."""
    schema = RecordsSchema(dataset.schema)
    for record in event.records:
        of_inputs = _hash(state, record.inputs)
        known = state.records.get((dataset.dataset_id, of_inputs))
        if known is None:
            dataset.record_count = (dataset.record_count or 0) + 1
        elif known.record_id != record.record_id:
            del state.hashes[dataset.dataset_id, known.record_id]
            state.changed_records[dataset.dataset_id, known.record_id] = None
        _add_to(schema, record)
        _put(state, dataset, of_inputs, record)
    _records_changed(dataset, schema, time_ms)


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
    yield DeleteBy(DELETED_STREAMS, "stream", [(stream,) for stream in sorted(state.restored_streams)])
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
    yield Upsert("evaluation_dataset_records", [row for row in changed.values() if row is not None])


def _record_row(dataset_id: str, of_inputs: str, record: WholeRecord) -> Row:
    source = object_in(record.source)
    source_type = source.get("source_type")
    data = source.get("source_data")
    source_id = data.get("trace_id" if source_type == "TRACE" else "source_id") if isinstance(data, dict) else None
    return (
        dataset_id,
        record.record_id,
        of_inputs,
        record.inputs,
        record.outputs,
        record.expectations,
        record.tags,
        record.source,
        None if source_id is None else str(source_id),
        source_type,
        record.created_time_ms,
        record.last_update_time_ms,
        record.created_by,
        record.last_updated_by,
    )


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
