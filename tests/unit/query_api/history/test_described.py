"""Every event says in a sentence what happened."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Final

import pyarrow
import pytest
from pyarrow import parquet

from query_api.history.described import described
from query_api.history.formats import CSV_COLUMNS, csv_text, entry_json
from query_api.history.parquet import one_file, parquet_of
from schemas.envelope import Actor, RecordedEvent
from schemas.events import EVENT_TYPES

CORPUS: Final = Path(__file__).parents[2] / "schemas" / "corpus"


def recorded(event_type: str, version: int, data: Any, *, user: str = "ada") -> RecordedEvent:
    return RecordedEvent(
        0, 5, bytes(16), event_type, version, "run/a", 1_000_000, Actor(user), "q", json.dumps(data).encode()
    )


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_every_event_has_a_sentence(name: str) -> None:
    version = EVENT_TYPES[name].event_version
    stored = json.loads((CORPUS / f"{name}.v{version}.json").read_text())["stored"]
    sentence = described(recorded(name, version, stored))
    assert sentence
    assert "cannot be read" not in sentence


@pytest.mark.parametrize(
    ("event_type", "data", "sentence"),
    [
        (
            "run.metric-corrected",
            {"run_id": "a", "key": "loss", "points": [], "undo": {"events": ["x", "y"], "found": {}}},
            "corrected the metric loss, undoing 2 events",
        ),
        ("run.param-corrected", {"run_id": "a", "key": "p", "reason": "r"}, 'corrected the param p to nothing: "r"'),
        (
            "evaluation-dataset.records-deleted",
            {"dataset_id": "d", "record_ids": ["dr-1"], "undo": {"events": ["x"]}},
            "deleted 1 record of the evaluation dataset, undoing 1 event",
        ),
        (
            "run.data-logged",
            {
                "run_id": "a",
                "params": [{"key": "lr", "value": "0.1"}],
                "metrics": [{"key": "loss", "value": [3.0, 2.5], "timestamp_ms": [1, 2], "step": [1, 2]}],
                "tags": [{"key": "team", "value": "x" * 100}, {"key": "b", "value": ""}],
            },
            f'logged param lr = "0.1", metric loss = 2.5, tag team = "{"x" * 80}…" and 1 more (2 points)',
        ),
        ("run.updated", {"run_id": "a", "status": "FINISHED"}, 'changed the run: status = "FINISHED"'),
        ("run.tag-deleted", {"run_id": "a", "key": "team"}, "deleted the tag team of the run"),
        ("run.unheard-of", {}, "cannot be read: event type 'run.unheard-of' is not known to this version of Tracklog"),
    ],
)
def test_a_sentence_names_the_values(event_type: str, data: Any, sentence: str) -> None:
    assert described(recorded(event_type, 1, data)) == sentence


def test_an_entry_is_the_event_with_its_sentence_and_fields() -> None:
    entry = json.loads(entry_json(recorded("run.tag-deleted", 1, {"run_id": "a", "key": "team"})))
    assert entry["data"] == {"run_id": "a", "key": "team"}
    assert entry["summary"] == "deleted the tag team of the run"
    assert entry["fields"] == [{"kind": "tag", "key": "team", "value": None}]


def test_a_cell_is_no_formula_of_a_spreadsheet() -> None:
    rows = csv_text([recorded("run.deleted", 1, {"run_id": "a"}, user="=HYPERLINK(1)")]).decode().splitlines()
    assert rows[0] == ",".join(CSV_COLUMNS)
    assert rows[1].startswith("1970-01-01T00:00:01.000000Z,'=HYPERLINK(1),deleted the run,run.deleted,run/a,")


@pytest.mark.slow
def test_parquet_has_the_rows_of_csv() -> None:
    events = [recorded("run.deleted", 1, {"run_id": "a"}, user=user) for user in ("ada", "bob\ud800")]
    of_csv = list(csv.DictReader(io.StringIO(csv_text(events).decode())))
    table = parquet.read_table(pyarrow.BufferReader(parquet_of(events)))
    assert table.column_names == list(CSV_COLUMNS)
    rows = table.to_pylist()
    assert [{**row, "time": row["time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")} for row in rows] == [
        {**row, "partition": int(row["partition"]), "offset": int(row["offset"])} for row in of_csv
    ]
    pages = [parquet_of(events[:1]), parquet_of(events[1:]), parquet_of([])]
    assert parquet.read_table(pyarrow.BufferReader(b"".join(one_file(pages)))).equals(table)
