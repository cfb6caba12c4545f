"""Issues, label schemas and review queues of a database: what is odd in them, and what is taken."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from event_log.memory_event_log import MemoryEventLog
from schemas.documents.label_schemas import default_schema
from schemas.envelope import Actor, EventClock
from schemas.events import (
    ExperimentCreated,
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaUpdated,
    ReviewQueueCreated,
    ReviewQueueItemsAdded,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
)
from tests.unit.tracklog.moving.imports import RecordsStore, counts, events_in, imported
from tracklog.moving import database_reviews
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.records import (
    ExperimentRecord,
    IssueRecord,
    LabelSchemaRecord,
    Record,
    ReviewItem,
    ReviewItemsRecord,
    ReviewQueueRecord,
)

STORE: Final = """
CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR, creation_time BIGINT);
INSERT INTO experiments VALUES (5, 'iris', 1000);
CREATE TABLE runs (run_uuid VARCHAR, experiment_id INTEGER, start_time BIGINT);
CREATE TABLE metrics (run_uuid VARCHAR, key VARCHAR, value FLOAT, timestamp BIGINT);
CREATE TABLE issues (
    issue_id VARCHAR, experiment_id INTEGER, name VARCHAR, description TEXT, status VARCHAR, severity VARCHAR,
    root_causes TEXT, categories TEXT, created_timestamp BIGINT, last_updated_timestamp BIGINT
);
INSERT INTO issues VALUES
    ('iss-1', 5, 'slow', 'd', 'resolved', 'high', '["a", 3]', NULL, 2000, 3000),
    ('iss-2', 5, 'odd', 'd', 'forgotten', 'immense', 'no list', '{}', 2000, 2000),
    ('', 5, 'without an id', 'd', 'pending', NULL, NULL, NULL, 2000, 2000);
CREATE TABLE label_schemas (
    schema_id VARCHAR, experiment_id INTEGER, name VARCHAR, type VARCHAR, instruction TEXT, enable_comment BOOLEAN,
    input_type VARCHAR, input_config TEXT, created_by VARCHAR, created_time BIGINT, last_update_time BIGINT,
    is_default BOOLEAN
);
INSERT INTO label_schemas VALUES
    ('ls-1', 5, 'good?', 'feedback', 'look', 1, 'numeric', '{"min_value": 1, "max_value": null}', 'ann', 2000, 3000, 0),
    ('ls-2', 5, 'Feedback', 'feedback', NULL, 0, 'text', '{"max_length": null}', NULL, 2000, 2000, 1),
    ('ls-3', 5, 'unknown', 'feedback', NULL, 0, 'smell', '{}', NULL, 2000, 2000, 0),
    ('ls-4', 5, 'broken', 'feedback', NULL, 0, 'text', 'no JSON', NULL, 2000, 2000, 0),
    ('ls-5', 5, 'no object', 'feedback', NULL, 0, 'text', '[]', NULL, 2000, 2000, 0),
    ('ls-6', 5, 'no options', 'feedback', NULL, 0, 'categorical', '{}', NULL, 2000, 2000, 0),
    ('ls-7', 5, 'no type', 'rumour', NULL, 0, 'text', '{}', NULL, 2000, 2000, 0),
    ('ls-8', 5, 'good?', 'feedback', NULL, 0, 'text', '{}', NULL, 2000, 2000, 0),
    ('ls-9', 5, 'Feedback', 'feedback', NULL, 0, 'text', '{}', NULL, 2000, 2000, 0);
CREATE TABLE review_queues (
    queue_id VARCHAR, experiment_id INTEGER, name VARCHAR, queue_type VARCHAR, created_by VARCHAR,
    creation_time_ms BIGINT, last_update_time_ms BIGINT
);
INSERT INTO review_queues VALUES
    ('rq-1', 5, 'To Do', 'custom', 'ann', 2000, 3000),
    ('rq-2', 5, 'TO DO', 'custom', 'ann', 2000, 2000),
    ('rq-3', 5, 'odd', 'line', 'ann', 2000, 2000);
CREATE TABLE review_queue_users (queue_id VARCHAR, user_id VARCHAR);
INSERT INTO review_queue_users VALUES ('rq-1', 'bob'), ('rq-1', 'ann');
CREATE TABLE review_queue_label_schemas (queue_id VARCHAR, schema_id VARCHAR);
INSERT INTO review_queue_label_schemas VALUES ('rq-1', 'ls-1'), ('rq-1', 'ls-2');
CREATE TABLE review_queue_items (
    queue_id VARCHAR, item_type VARCHAR, item_id VARCHAR, status VARCHAR, completed_by VARCHAR,
    completed_time_ms BIGINT, creation_time_ms BIGINT, last_update_time_ms BIGINT
);
INSERT INTO review_queue_items VALUES
    ('rq-0', 'trace', 'tr-9', 'pending', NULL, NULL, 2000, 2000),
    ('rq-1', 'trace', 'tr-1', 'pending', NULL, NULL, 2000, 2000),
    ('rq-1', 'trace', 'tr-2', 'complete', 'bob', 2500, 2000, 2500),
    ('rq-1', 'session', 's', 'pending', NULL, NULL, 2000, 2000),
    ('rq-1', 'trace', 'tr-3', 'lost', NULL, NULL, 2000, 2000),
    ('rq-1', 'trace', 'tr-4', 'pending', NULL, NULL, 2100, 2600),
    ('rq-2', 'trace', 'tr-1', 'pending', NULL, NULL, 2000, 2000),
    ('rq-4', 'trace', 'tr-1', 'pending', NULL, NULL, 2000, 2000);
"""

EXPECTED: Final = [
    IssueCreated(
        issue_id="iss-1",
        experiment_id=5,
        name="slow",
        description="d",
        status="resolved",
        severity="high",
        root_causes=["a", "3"],
    ),
    IssueUpdated(issue_id="iss-1", name="slow"),
    IssueCreated(
        issue_id="iss-2", experiment_id=5, name="odd", description="d", root_causes=["no list"], categories=["{}"]
    ),
    LabelSchemaCreated(
        schema_id="ls-1",
        experiment_id=5,
        name="good?",
        type="FEEDBACK",
        input='{"numeric": {"min_value": 1}}',
        instruction="look",
        enable_comment=True,
    ),
    LabelSchemaUpdated(schema_id="ls-1", name="good?"),
    ReviewQueueCreated(
        queue_id="rq-1",
        experiment_id=5,
        name="To Do",
        queue_type="CUSTOM",
        users=["ann", "bob"],
        schema_ids=[default_schema(5, 0).schema_id, "ls-1"],
        created_by="ann",
    ),
    ReviewQueueUpdated(queue_id="rq-1", name="To Do"),
    ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-1", "tr-2"]),
    ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-2", status="COMPLETE", completed_by="bob"),
    ReviewQueueItemsAdded(queue_id="rq-1", item_ids=["tr-4"]),
    ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-4", status="COMPLETE"),
    ReviewQueueItemStatusSet(queue_id="rq-1", item_id="tr-4", status="PENDING"),
]


async def _reviews_in(log: MemoryEventLog) -> list[Any]:
    return [event for event in await events_in(log) if event.kind.name in ("issue", "label-schema", "review-queue")]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORE)
    return SqliteStore(path)


async def test_what_is_known_of_reviews_comes_and_the_rest_is_counted(store: SqliteStore) -> None:
    log = MemoryEventLog()
    report = await imported(store, log)
    assert await _reviews_in(log) == EXPECTED
    assert counts(report) == {
        "experiments": (1, 1, 0),
        "issues": (3, 2, 1),
        "label schemas": (9, 2, 7),
        "review queues": (3, 1, 2),
        "items of review queues": (8, 3, 5),
    }
    told = "\n".join(what for _, _, what in report.oddities)
    assert "who made it is not kept: 'ann'" in told
    assert "its status 'forgotten' is no word that is known: pending" in told

    end = await log.end()
    again = await imported(store, log)
    assert (await log.end(), counts(again)) == (end, counts(report))


async def test_items_come_some_at_a_time(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_reviews, "ITEMS_PER_RECORD", 1)
    log = MemoryEventLog()
    report = await imported(store, log)
    added = [event.item_ids for event in await _reviews_in(log) if isinstance(event, ReviewQueueItemsAdded)]
    assert (added, report.tally("items of review queues").imported) == ([["tr-1"], ["tr-2"], ["tr-4"]], 3)


EXPERIMENT: Final = ExperimentRecord(
    where="", key="0", experiment_id="0", name="Default", artifact_location="s3://b", creation_time_ms=1
)
TIMES: Final[dict[str, Any]] = {"creation_time_ms": 1, "last_update_time_ms": 1}
ISSUE: Final = IssueRecord(
    where="",
    issue_id="iss-1",
    experiment_key="0",
    name="slow",
    description="d",
    status="pending",
    severity=None,
    root_causes=(),
    categories=(),
    source_run_id=None,
    created_by=None,
    **TIMES,
)
SCHEMA: Final = LabelSchemaRecord(
    where="",
    schema_id="ls-1",
    experiment_key="0",
    name="good?",
    type="FEEDBACK",
    input='{"text": {}}',
    instruction=None,
    enable_comment=False,
    is_default=False,
    **TIMES,
)
QUEUE: Final = ReviewQueueRecord(
    where="",
    queue_id="rq-1",
    experiment_key="0",
    name="Mine",
    queue_type="CUSTOM",
    users=(),
    schema_ids=(),
    created_by=None,
    **TIMES,
)
ITEMS: Final = ReviewItemsRecord("rq-1", [ReviewItem("tr-1", "PENDING", None, None, 1, 1)])


@pytest.mark.parametrize(
    ("record", "kind", "left"),
    [
        (ISSUE, "issues", 1),
        (replace(ISSUE, issue_id="iss-2"), "issues", 0),
        (SCHEMA, "label schemas", 1),
        (replace(SCHEMA, schema_id="ls-2", name="renamed"), "label schemas", 1),
        (replace(SCHEMA, schema_id="ls-2", name="another"), "label schemas", 0),
        (QUEUE, "review queues", 1),
        (replace(QUEUE, queue_id="rq-2", name="RENAMED"), "review queues", 1),
        (replace(QUEUE, queue_id="rq-2", name="another"), "review queues", 0),
        (ITEMS, "items of review queues", 1),
    ],
)
async def test_ids_and_names_that_were_there_before_are_taken(record: Record, kind: str, left: int) -> None:
    log, clock = MemoryEventLog(), EventClock(lambda: 10**15)
    there = (
        ExperimentCreated(experiment_id=0, name="Default", artifact_location="s3://b"),
        IssueCreated(issue_id="iss-1", experiment_id=0, name="n", description="d"),
        LabelSchemaCreated(schema_id="ls-1", experiment_id=0, name="one", type="FEEDBACK", input='{"text": {}}'),
        LabelSchemaUpdated(schema_id="ls-1", name="renamed"),
        LabelSchemaUpdated(schema_id="ls-unknown", name="another"),
        ReviewQueueCreated(queue_id="rq-1", experiment_id=0, name="One", queue_type="CUSTOM"),
        ReviewQueueUpdated(queue_id="rq-1", name="Renamed"),
    )
    await log.append([clock.stamp(payload, Actor("ada", "", ""), "q") for payload in there])
    report = await imported(RecordsStore(EXPERIMENT, record), log)
    assert report.tally(kind).left == left
