"""Datasets to evaluate with, of a database: their examples with ids, times and all that was said of them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from event_log.memory_event_log import MemoryEventLog
from tests.unit.projector.read_models import projected
from tests.unit.tracklog.moving.imports import counts, imported
from tracklog.moving.database_store import SqliteStore

STORE: Final = """
CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR, creation_time BIGINT);
INSERT INTO experiments VALUES (5, 'evaluated', 1000);
CREATE TABLE runs (run_uuid VARCHAR, experiment_id INTEGER, start_time BIGINT);
CREATE TABLE metrics (run_uuid VARCHAR, key VARCHAR, value FLOAT, timestamp BIGINT);
CREATE TABLE evaluation_datasets (dataset_id VARCHAR, name VARCHAR, created_time BIGINT, last_update_time BIGINT);
INSERT INTO evaluation_datasets VALUES ('d-1', 'questions', 2000, 9000), ('d-2', 'empty', 2500, 2500);
CREATE TABLE evaluation_dataset_tags (dataset_id VARCHAR, key VARCHAR, value VARCHAR);
INSERT INTO evaluation_dataset_tags VALUES ('d-1', 'mlflow.user', 'ann'), ('d-9', 'k', 'v');
CREATE TABLE entity_associations (
    source_type VARCHAR, source_id VARCHAR, destination_type VARCHAR, destination_id VARCHAR
);
INSERT INTO entity_associations VALUES
    ('evaluation_dataset', 'd-1', 'experiment', '5'), ('evaluation_dataset', 'd-1', 'experiment', '77');
CREATE TABLE evaluation_dataset_records (
    dataset_record_id VARCHAR, dataset_id VARCHAR, inputs JSON, outputs JSON, expectations JSON, tags JSON, source JSON,
    created_time BIGINT, last_update_time BIGINT
);
INSERT INTO evaluation_dataset_records VALUES
    ('dr-1', 'd-1', '{"q": "one"}', '{"mlflow_wrapped": [1]}', '{"a": "b"}', '{"mlflow.user": "ann", "t": 1}',
        '{"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}', 3000, 4000),
    ('dr-2', 'd-1', '{"q": "two"}', NULL, NULL, NULL, NULL, 3000, 3000),
    ('dr-3', 'd-1', '{"q": "three"}', NULL, NULL, NULL, NULL, 3500, 3500),
    ('dr-4', 'd-1', '[1]', NULL, NULL, NULL, NULL, 3500, 3500),
    ('dr-5', 'd-9', '{}', NULL, NULL, NULL, NULL, 3500, 3500);
"""


async def test_datasets_come_with_their_examples(tmp_path: Path) -> None:
    path, log = tmp_path / "mlflow.db", MemoryEventLog()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORE)
    report = await imported(SqliteStore(path), log)
    assert counts(report) == {
        "experiments": (1, 1, 0),
        "evaluation datasets": (2, 2, 0),
        "tags of evaluation datasets": (2, 1, 1),
        "records of evaluation datasets": (5, 3, 2),
        "links between things": (2, 1, 1),
    }
    end = await log.end()
    again = await imported(SqliteStore(path), log)
    assert (await log.end(), counts(again)) == (end, counts(report))

    (tmp_path / "ours").mkdir()
    read_model = (await projected(tmp_path / "ours", log)).path
    with closing(sqlite3.connect(read_model)) as ours:
        ours.row_factory = sqlite3.Row
        first, second = map(dict, ours.execute("SELECT * FROM evaluation_datasets ORDER BY dataset_id"))
        examples = [dict(row) for row in ours.execute("SELECT * FROM evaluation_dataset_records ORDER BY record_id")]
        experiments = ours.execute("SELECT * FROM evaluation_dataset_experiments").fetchall()
    assert (first["name"], first["created_time_ms"], first["last_update_time_ms"]) == ("questions", 2000, 9000)
    assert (first["created_by"], first["record_count"], json.loads(first["tags"])) == ("ann", 3, {"mlflow.user": "ann"})
    assert (second["name"], second["schema"], second["last_update_time_ms"]) == ("empty", None, 2500)
    assert [tuple(row) for row in experiments] == [("d-1", 5)]
    assert [(one["record_id"], one["created_time_ms"], one["last_update_time_ms"]) for one in examples] == [
        ("dr-1", 3000, 4000),
        ("dr-2", 3000, 3000),
        ("dr-3", 3500, 3500),
    ]
    assert (examples[0]["outputs"], examples[1]["outputs"], examples[0]["source_id"]) == ("[1]", None, "tr-1")
    assert json.loads(examples[0]["tags"]) == {"mlflow.user": "ann", "t": 1}
    assert examples[0]["last_updated_by"] == "ann"
