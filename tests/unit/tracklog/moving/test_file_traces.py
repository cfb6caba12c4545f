"""Traces of a file store, as 2.x and as 3.17 wrote them, and spans that lie in files beside the artifacts."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from event_log.memory_event_log import MemoryEventLog
from schemas.events import (
    AnyEvent,
    Assessment,
    AssessmentError,
    Span,
    SpanEvent,
    TraceSpansLogged,
    TraceStarted,
)
from tests.unit.tracklog.moving.imports import counts, events_in, imported, state_of
from tests.unit.tracklog.moving.test_traces import CONTENT, STORE
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.file_store import FileStore

OF_2: Final = {
    "spans": [
        {
            "name": "f",
            "context": {"span_id": "0xd0e1f2a3b4c5d6", "trace_id": "0x" + "ab" * 16},
            "parent_id": None,
            "start_time": 10,
            "end_time": 20,
            "status_code": "OK",
            "status_message": "",
            "attributes": {"mlflow.spanInputs": '{"x": 1}', "n": "3"},
            "events": [{"name": "ev", "timestamp": 15, "attributes": {"k": "v"}}],
        },
        {"name": "cut", "context": {}},
    ],
    "request": "{}",
    "response": "{}",
}
"""The file of 2.14 to 2.22."""

NEW: Final = {
    "trace_info.yaml": """
trace_id: tr-1
request_time: '2026-11-29T23:16:47.550Z'
execution_duration_ms: 200
state: OK
request_preview: '{"x": 1}'
response_preview: '2'
client_request_id: mine
trace_location: {type: MLFLOW_EXPERIMENT, mlflow_experiment: {experiment_id: '7'}}
""",
    "tags/mlflow.traceName": "f",
    "tags/mlflow.artifactLocation": "/etc",
    "request_metadata/mlflow.user": "ann",
    "assessments/a-1.yaml": """
assessment_id: a-1
assessment_name: good
create_time: '2026-11-29T23:17:20.553Z'
last_update_time: '2026-11-29T23:17:20.554Z'
feedback: {value: true}
rationale: why
source: {source_id: ann, source_type: HUMAN}
metadata: {m: '1'}
trace_id: tr-1
valid: true
""",
    "assessments/a-2.yaml": """
assessment_id: a-2
assessment_name: bad
create_time: '2026-11-29T23:17:20.553Z'
feedback: {value: null, error: {error_code: E, error_message: boom, stack_trace: s}}
source: {source_type: CODE}
""",
    "assessments/a-3.yaml": """
assessment_id: a-3
assessment_name: exp
create_time: '2026-11-29T23:17:20.553Z'
expectation: {serialized_value: {serialization_format: JSON_FORMAT, value: '{"a": 1}'}}
source: {source_type: HUMAN}
""",
    "assessments/a-4.yaml": "assessment_id: a-4",
    "artifacts/traces.json": json.dumps({"spans": [CONTENT]}),
}
OLD: Final = {
    "trace_info.yaml": f"""
request_id: {"b" * 32}
experiment_id: '7'
timestamp_ms: 3000
execution_time_ms: null
status: IN_PROGRESS
assessments: []
""",
    "tags/k": "v",
    "artifacts/traces.json": json.dumps(OF_2),
}


def written(root: Path) -> Path:
    experiment = root / "7"
    files = {"meta.yaml": "experiment_id: '7'\nname: traced\ncreation_time: 1000\n"}
    files |= {f"traces/tr-1/{name}": text for name, text in NEW.items()}
    files |= {f"traces/{'b' * 32}/{name}": text for name, text in OLD.items()}
    files |= {"traces/tr-2/tags/k": "v"}
    for name, text in files.items():
        path = experiment / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


async def test_traces_of_a_file_store_come_with_spans_and_assessments(tmp_path: Path) -> None:
    root, log = written(tmp_path / "mlruns"), MemoryEventLog()
    before = state_of(root)
    report = await imported(FileStore(root), log, beside=root)
    old, old_spans, new, new_spans = of_traces(await events_in(log))
    assert old == TraceStarted(
        trace_id="b" * 32,
        experiment_id=7,
        request_time_ms=3000,
        state="IN_PROGRESS",
        tags={"k": "v"},
        is_final=True,
    )
    assert isinstance(old_spans, TraceSpansLogged)
    assert old_spans.spans == [
        Span(
            span_id="00d0e1f2a3b4c5d6",
            name="f",
            start_ns=10,
            end_ns=20,
            status=1,
            attributes={"mlflow.spanInputs": '{"x": 1}', "n": 3},
            events=[SpanEvent("ev", 15, {"k": "v"})],
        )
    ]
    assert new == TraceStarted(
        trace_id="tr-1",
        experiment_id=7,
        request_time_ms=1795994207550,
        execution_duration_ms=200,
        state="OK",
        client_request_id="mine",
        request_preview='{"x": 1}',
        response_preview="2",
        tags={"mlflow.traceName": "f"},
        metadata={"mlflow.user": "ann"},
        assessments=[
            Assessment(
                assessment_id="a-1",
                name="good",
                kind="feedback",
                value="true",
                source_type="HUMAN",
                source_id="ann",
                create_time_ms=1795994240553,
                last_update_time_ms=1795994240554,
                rationale="why",
                metadata={"m": "1"},
            ),
            assessment("a-2", "bad", "feedback", "null", "CODE", error=AssessmentError("E", "boom", "s")),
            assessment("a-3", "exp", "expectation", '{"a": 1}', "HUMAN"),
        ],
        is_final=True,
    )
    assert isinstance(new_spans, TraceSpansLogged)
    assert [one.span_id for one in new_spans.spans] == ["145bb624a8262cdc"]
    assert counts(report) == {
        "experiments": (1, 1, 0),
        "traces": (3, 2, 1),
        "tags of traces": (4, 3, 1),
        "metadata of traces": (1, 1, 0),
        "assessments": (4, 3, 1),
        "spans": (3, 2, 1),
    }
    end = await log.end()
    await imported(FileStore(root), log, beside=root)
    assert (await log.end(), state_of(root)) == (end, before)


def assessment(identity: str, name: str, kind: str, value: str, source: str, **more: Any) -> Assessment:
    return Assessment(
        assessment_id=identity,
        name=name,
        kind=kind,
        value=value,
        source_type=source,
        create_time_ms=1795994240553,
        last_update_time_ms=1795994240553,
        **more,
    )


def of_traces(events: list[AnyEvent]) -> list[AnyEvent]:
    return [event for event in events if event.kind.name == "trace"]


async def test_spans_beside_a_database_are_read_only_where_it_lies(tmp_path: Path) -> None:
    beside = tmp_path / "there"
    place = beside / "artifacts" / "5" / "traces" / ("a" * 32) / "artifacts"
    place.mkdir(parents=True)
    (place / "traces.json").write_text(json.dumps(OF_2))
    (tmp_path / "traces.json").write_text(json.dumps(OF_2))
    path, log = beside / "mlflow.db", MemoryEventLog()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORE)
        connection.executemany(
            "INSERT INTO trace_tags VALUES (?, 'mlflow.artifactLocation', ?)",
            [("a" * 32, f"/moved/artifacts/5/traces/{'a' * 32}/artifacts"), ("tr-2", str(tmp_path)), ("tr-3", "")],
        )
        connection.execute(
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status)"
            " VALUES ('tr-2', 5, 1, 'OK'), ('tr-3', 5, 1, 'OK')"
        )
        connection.commit()
    report = await imported(SqliteStore(path), log, beside=beside)
    logged = [event for event in await events_in(log) if isinstance(event, TraceSpansLogged)]
    assert [(one.trace_id, len(one.spans)) for one in logged] == [("a" * 32, 1), ("tr-1", 1)]
    assert counts(report)["spans"] == (5, 2, 3)
    [(where, what)] = [(where, what) for _, where, what in report.oddities if "stay in traces.json" in what]
    assert ("'tr-2'" in where, "no place that was named to read from" in what) == (True, True)
