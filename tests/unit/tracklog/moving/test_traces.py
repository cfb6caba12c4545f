"""Traces of a database: what columns and tables of each revision say of them, their spans, their assessments."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from event_log.memory_event_log import MemoryEventLog
from schemas.events import (
    Assessment,
    PromptVersion,
    Span,
    SpanEvent,
    SpanLink,
    TraceLinkedToRun,
    TracePromptsLinked,
    TraceSpansLogged,
    TraceStarted,
)
from tests.unit.tracklog.moving.imports import counts, events_in, imported
from tracklog.moving.database_store import SqliteStore

CONTENT: Final = {
    "trace_id": "po8o3bQNl4ll5bW4L/baUQ==",
    "span_id": "FFu2JKgmLNw=",
    "parent_span_id": None,
    "name": "f\0",
    "start_time_unix_nano": 10,
    "end_time_unix_nano": 20,
    "events": [{"name": "ev", "time_unix_nano": 15, "attributes": {"z": 1, "b": {"$bytes": 5}}}],
    "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
    "attributes": {"mlflow.spanInputs": '{"a": 1}', "level": "10", "text": '"10"'},
    "links": [{"trace_id": f"tr-{'a' * 32}", "span_id": "145bb624a8262cdc", "attributes": None}],
}
STORE: Final = f"""
CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR, creation_time BIGINT);
INSERT INTO experiments VALUES (5, 'traced', 1000);
CREATE TABLE runs (run_uuid VARCHAR, experiment_id INTEGER, start_time BIGINT);
CREATE TABLE metrics (run_uuid VARCHAR, key VARCHAR, value FLOAT, timestamp BIGINT);
CREATE TABLE trace_info (
    request_id VARCHAR, experiment_id INTEGER, timestamp_ms BIGINT, execution_time_ms BIGINT, status VARCHAR,
    request_preview VARCHAR, trace_name VARCHAR, session_id VARCHAR, input_tokens BIGINT, total_tokens BIGINT
);
INSERT INTO trace_info VALUES
    ('tr-1', 5, 2000, 7, 'OK', '"hé"', 'f', 's', 3, 4),
    ('{"a" * 32}', 5, 3000, NULL, 'IN_PROGRESS', NULL, NULL, NULL, NULL, NULL),
    ('../etc', 5, 3000, NULL, 'OK', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE trace_tags (request_id VARCHAR, key VARCHAR, value VARCHAR);
INSERT INTO trace_tags VALUES ('tr-1', 'mlflow.artifactLocation', '/etc'),
    ('tr-1', 'mlflow.trace.spansLocation', 'TRACKING_STORE'), ('tr-1', 'k', 'v'),
    ('../etc', 'k', 'v'), ('tr-9', 'k', 'v');
CREATE TABLE entity_associations (
    source_type VARCHAR, source_id VARCHAR, destination_type VARCHAR, destination_id VARCHAR
);
INSERT INTO entity_associations VALUES ('trace', 'tr-1', 'run', 'r'), ('trace', 'tr-1', 'prompt_version', 'p/q/2'),
    ('trace', 'tr-1', 'prompt_version', 'none'), ('trace', 'tr-9', 'run', 'r'), ('run', 'r', 'model', 'm');
CREATE TABLE trace_request_metadata (request_id VARCHAR, key VARCHAR, value VARCHAR);
INSERT INTO trace_request_metadata VALUES ('tr-1', 'mlflow.user', 'ann');
CREATE TABLE assessments (
    assessment_id VARCHAR, trace_id VARCHAR, name VARCHAR, assessment_type VARCHAR, value VARCHAR, error VARCHAR,
    created_timestamp BIGINT, last_updated_timestamp BIGINT, source_type VARCHAR, source_id VARCHAR, run_id VARCHAR,
    span_id VARCHAR, rationale VARCHAR, overrides VARCHAR, assessment_metadata VARCHAR
);
INSERT INTO assessments VALUES
    ('a-1', 'tr-1', 'good', 'feedback', '0.5', NULL, 2500, 2600, 'HUMAN', 'ann', 'r', NULL, 'why', NULL,
        '{{"m": "1"}}'),
    ('a-2', 'tr-1', 'odd', 'wish', '1', NULL, 2500, 2600, 'HUMAN', 'ann', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE spans (trace_id VARCHAR, span_id VARCHAR, content VARCHAR, start_time_unix_nano BIGINT);
INSERT INTO spans VALUES ('tr-1', '145bb624a8262cdc', '{json.dumps(CONTENT)}', 10), ('tr-1', 'cut', '{{"span_id', 11),
    ('tr-1', 'large', '{{"span_id": "FFu2JKgmLNw=", "attributes": {{"n": {10**30}}}}}', 12);
"""


async def test_traces_with_spans_and_assessments(tmp_path: Path) -> None:
    path, log = tmp_path / "mlflow.db", MemoryEventLog()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORE)
    report = await imported(SqliteStore(path), log)
    running, started, run, prompt, logged = [event for event in await events_in(log) if event.kind.name == "trace"]
    assert isinstance(running, TraceStarted)
    assert (running.trace_id, running.state, running.execution_duration_ms) == ("a" * 32, "IN_PROGRESS", None)
    assert started == TraceStarted(
        trace_id="tr-1",
        experiment_id=5,
        request_time_ms=2000,
        execution_duration_ms=7,
        state="OK",
        request_preview='"hé"',
        tags={"k": "v", "mlflow.traceName": "f"},
        metadata={
            "mlflow.user": "ann",
            "mlflow.trace.session": "s",
            "mlflow.trace.tokenUsage": '{"input_tokens": 3, "total_tokens": 4}',
        },
        assessments=[
            Assessment(
                assessment_id="a-1",
                name="good",
                kind="feedback",
                value="0.5",
                source_type="HUMAN",
                source_id="ann",
                create_time_ms=2500,
                last_update_time_ms=2600,
                rationale="why",
                metadata={"m": "1", "mlflow.assessment.sourceRunId": "r"},
            )
        ],
        is_final=True,
    )
    assert run == TraceLinkedToRun(trace_id="tr-1", run_id="r")
    assert prompt == TracePromptsLinked(trace_id="tr-1", prompts=[PromptVersion("p/q", 2)])
    assert isinstance(logged, TraceSpansLogged)
    assert logged.spans == [
        Span(
            span_id="145bb624a8262cdc",
            name="f�",
            start_ns=10,
            end_ns=20,
            status=2,
            status_message="no",
            attributes={"mlflow.spanInputs": '{"a": 1}', "level": 10, "text": '"10"'},
            events=[SpanEvent("ev", 15, {"z": 1, "b": {"$map": {"$bytes": 5}}})],
            links=[SpanLink("a" * 32, "145bb624a8262cdc")],
        )
    ]
    assert counts(report) == {
        "experiments": (1, 1, 0),
        "links between things": (5, 2, 3),
        "traces": (3, 2, 1),
        "tags of traces": (5, 3, 2),
        "metadata of traces": (1, 1, 0),
        "assessments": (2, 1, 1),
        "spans": (3, 1, 2),
    }
    end = await log.end()
    await imported(SqliteStore(path), log)
    assert await log.end() == end


async def test_what_cannot_be_read_of_an_assessment_or_a_usage_is_mended_and_told(tmp_path: Path) -> None:
    path, log = tmp_path / "mlflow.db", MemoryEventLog()
    large, deep = "1" * 400, "[" * 500 + "]" * 500
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORE)
        connection.execute("DELETE FROM assessments")
        connection.executemany(
            "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value)"
            " VALUES (?, 'tr-1', 'n', 'feedback', ?)",
            [("a-1", "NaN"), ("a-2", large), ("a-3", deep), ("a-4", '{"a": [1]}')],
        )
        connection.executescript(
            """INSERT INTO trace_request_metadata VALUES
            ('tr-1', 'mlflow.trace.tokenUsage', '{"input_tokens": 9, "output_tokens": null}'),
            ('tr-1', 'mlflow.trace.cost', '[NaN]');"""
        )
    report = await imported(SqliteStore(path), log)
    started = next(one for one in await events_in(log) if isinstance(one, TraceStarted) and one.trace_id == "tr-1")
    assert [json.loads(one.value) for one in started.assessments] == ["NaN", large, deep, {"a": [1]}]
    assert started.metadata["mlflow.trace.tokenUsage"] == '{"input_tokens": 9}'
    assert "mlflow.trace.cost" not in started.metadata
    assert (counts(report)["assessments"], counts(report)["metadata of traces"]) == ((4, 4, 0), (3, 2, 1))
    said = [what for _, _, what in report.oddities if "taken for text" in what or "mlflow.trace.cost" in what]
    assert len(said) == 4
