"""What events of evaluation datasets come to: how records are merged, and who decides between two that race."""

import json
from pathlib import Path
from typing import Any

import pytest

from projector.projections import evaluation_datasets
from schemas.dataset_records import input_hash
from schemas.events import (
    AnyEvent,
    DatasetRecord,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetRecordsDeleted,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetTagDeleted,
    EvaluationDatasetTagsSet,
    Tag,
    Undo,
)
from tests.unit.projector.histories import envelope, log_of
from tests.unit.projector.read_models import projected

CREATED = EvaluationDatasetCreated(dataset_id="d", name="n")


def upserted(*records: DatasetRecord) -> EvaluationDatasetRecordsUpserted:
    return EvaluationDatasetRecordsUpserted(dataset_id="d", records=list(records))


def record(inputs: str = '{"a":1}', **given: str) -> DatasetRecord:
    return DatasetRecord(inputs=inputs, **given)


async def rows(folder: Path, columns: str, *events: AnyEvent) -> list[tuple[Any, ...]]:
    read_model = await projected(folder, await log_of(CREATED, *events))
    return read_model.rows(f"SELECT {columns} FROM evaluation_dataset_records ORDER BY record_id")


async def test_an_undo_of_a_tag_that_was_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    undo = Undo(["01900000-0000-7000-8000-000000000001"], {"tags.t": "1"})
    undone = EvaluationDatasetTagDeleted(dataset_id="d", key="t", undo=undo)
    tagged = [EvaluationDatasetTagsSet(dataset_id="d", tags=[Tag("t", value)]) for value in "12"]
    read_model = await projected(tmp_path, await log_of(CREATED, *tagged, undone, tagged[0], undone))
    assert read_model.rows('SELECT "offset" FROM refusals') == [(3,)]
    assert read_model.rows("SELECT tags FROM evaluation_datasets") == [("{}",)]


async def test_a_merge_keeps_what_nothing_is_said_of(tmp_path: Path) -> None:
    [row] = await rows(
        tmp_path,
        "inputs, outputs, expectations, tags, source_type, source_id, created_by, last_updated_by",
        upserted(
            record(
                outputs='"x"',
                expectations='{"e":1,"f":2}',
                tags='{"mlflow.user":"ann","t":"1"}',
                source='{"source_type":"TRACE","source_data":{"trace_id":"tr-1"}}',
            )
        ),
        upserted(record('{"a":1}', expectations='{"f":NaN}', tags='{"t":"2"}', source='{"source_type":"HUMAN"}')),
        upserted(record()),
    )
    inputs, outputs, expectations, tags, *rest = row
    assert (inputs, outputs, expectations) == ('{"a":1}', '"x"', '{"e":1,"f":NaN}')
    assert json.loads(tags) == {"mlflow.user": "ann", "t": "2"}
    assert rest == ["TRACE", "tr-1", "ann", "ann"]


async def test_outputs_are_an_empty_object_until_something_is_said_and_may_be_taken_away(tmp_path: Path) -> None:
    found = await rows(
        tmp_path,
        "outputs",
        upserted(record(), record('{"b":1}', outputs="[]"), record('{"c":1}', outputs="[]")),
        upserted(record('{"c":1}', outputs="null")),
    )
    assert found == [("{}",), ("[]",), (None,)]


async def test_of_two_upserts_that_race_the_first_in_the_log_makes_the_record(tmp_path: Path) -> None:
    events = [
        upserted(record('{"a":1,"b":2}', tags='{"by":"one"}')),
        upserted(record('{"b":2,"a":1}', tags='{"by":"two"}')),
    ]
    [row] = await rows(tmp_path, "record_id, inputs, tags", *events)
    begin = envelope(1, CREATED).id.hex()[4:]
    assert row == (f"dr-{begin}0000", '{"a":1,"b":2}', '{"by":"two"}')


async def test_a_record_that_was_deleted_leaves_its_inputs_to_a_new_one_in_the_same_batch(tmp_path: Path) -> None:
    first = f"dr-{envelope(1, CREATED).id.hex()[4:]}0000"
    gone = EvaluationDatasetRecordsDeleted(dataset_id="d", record_ids=[first, "never"])
    [row] = await rows(tmp_path, "record_id, tags", upserted(record(tags='{"t":"1"}')), gone, upserted(record()))
    assert row[0] != first
    assert row[1] == "{}"


async def test_a_schema_keeps_the_first_type_and_a_bounded_number_of_keys(tmp_path: Path) -> None:
    many = json.dumps({f"k{number}": number for number in range(1100)})
    read_model = await projected(
        tmp_path,
        await log_of(
            CREATED,
            upserted(record('{"a":1,"b":null,"c":1.5}', outputs='{"o":true}', expectations='{"e":[]}')),
            upserted(record('{"a":"x","d":{}}', outputs='"text"', expectations=many)),
        ),
    )
    [(text, count)] = read_model.rows("SELECT schema, record_count FROM evaluation_datasets")
    schema = json.loads(str(text))
    assert count == 2
    assert len(schema.pop("expectations")) == 1000
    assert schema == {
        "inputs": {"a": "integer", "b": "null", "c": "float", "d": "object"},
        "outputs": {"o": "boolean"},
        "version": "1.0",
    }


async def test_the_inputs_of_a_record_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Any] = []

    def counted(inputs: Any) -> str:
        hashed.append(inputs)
        return input_hash(inputs)

    monkeypatch.setattr(evaluation_datasets, "input_hash", counted)
    log = await log_of(CREATED, upserted(record(), record('{"a":2}')))
    await projected(tmp_path, log, ends=[1])
    assert hashed == [{"a": 1}, {"a": 2}]


async def test_what_is_created_after_a_deletion_is_new_in_the_same_batch_too(tmp_path: Path) -> None:
    deleted = EvaluationDatasetDeleted(dataset_id="d")
    again = (deleted, CREATED, upserted(record(tags='{"t":"2"}')))
    found = await rows(tmp_path, "inputs, tags, outputs", upserted(record(outputs='"x"', tags='{"s":"1"}')), *again)
    assert found == [('{"a":1}', '{"t":"2"}', "{}")]
