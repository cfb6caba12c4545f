"""Traces in a file store of MLflow 3.17, written from records: a folder each, and in it a file with the spans."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from query_api.traces.span_json import file_span
from schemas.events import Assessment
from schemas.traces import ARTIFACT_LOCATION_TAG
from tracklog.moving.file_traces import INFO
from tracklog.moving.records import SpansRecord, TraceRecord
from tracklog.moving.report import Report
from tracklog.moving.trace_files import FILE

Write = Callable[[Path, Mapping[str, Any]], None]
"""Writes fields as the YAML of a file."""
Append = Callable[[Path, str, list[str]], bool]
"""Writes texts to the file of a key in a folder; False where no file can have that name."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_FILE: Final = "left: no file can have its name beside the others"


class TraceFolders:
    """One trace at a time, followed by its spans. `final` is where a folder will be once the store is whole."""

    def __init__(self, write: Write, append: Append, report: Report, final: Callable[[Path], Path]) -> None:
        self._write = write
        self._append = append
        self._report = report
        self._final = final
        self._file: Path | None = None  # of the spans of the trace that they come of
        self._spans: list[str] = []

    def begin(self, record: TraceRecord, experiment: Path | None, experiment_id: str) -> None:
        """A trace without its spans."""
        self.end()
        if experiment is None:
            self._lose(record)
            return
        folder = experiment / "traces" / record.trace_id
        artifacts = folder / "artifacts"
        artifacts.mkdir(parents=True)
        info: dict[str, Any] = {
            "execution_duration_ms": record.execution_duration_ms,
            "request_preview": record.request_preview,
            "request_time": _time(record.request_time_ms),
            "response_preview": record.response_preview,
            "state": record.state,
            "trace_id": record.trace_id,
            "trace_location": {"mlflow_experiment": {"experiment_id": experiment_id}, "type": "MLFLOW_EXPERIMENT"},
        }
        if record.client_request_id:
            info["client_request_id"] = record.client_request_id
        self._write(folder / INFO, info)
        self._report.tally("traces").imported += 1
        self._texts(folder / "tags", record.tags, "tags of traces", record.where)
        self._append(folder / "tags", ARTIFACT_LOCATION_TAG, [str(self._final(artifacts))])
        self._texts(folder / "request_metadata", record.metadata, "metadata of traces", record.where)
        overridden = {one.overrides for one in record.assessments}
        if record.assessments:
            (folder / "assessments").mkdir()
        for one in record.assessments:
            fields = _assessment(record.trace_id, one, is_valid=one.assessment_id not in overridden)
            self._write(folder / "assessments" / f"{one.assessment_id}.yaml", fields)
            self._report.tally("assessments").imported += 1
        links = len(record.run_ids) + len(record.prompts)
        if links:
            self._report.odd("links between things", record.where, "left: files have none of traces", links)
        self._file = artifacts / str(FILE)

    def _lose(self, record: TraceRecord) -> None:
        for kind, number in (
            ("traces", 1),
            ("tags of traces", len(record.tags)),
            ("metadata of traces", len(record.metadata)),
            ("assessments", len(record.assessments)),
            ("links between things", len(record.run_ids) + len(record.prompts)),
        ):
            if number:
                self._report.odd(kind, record.where, "left: its experiment is not there", number)

    def _texts(self, folder: Path, texts: Mapping[str, str], kind: str, where: str) -> None:
        """A key is a name there, and no path: MLflow makes no folders of them."""
        for key, value in texts.items():
            if "/" not in key and self._append(folder, key, [value]):
                self._report.tally(kind).imported += 1
            else:
                self._report.odd(kind, f"{where}, {key!r:.100}", _NO_FILE, 1)

    def spans(self, record: SpansRecord) -> None:
        """The next spans of the trace."""
        if self._file is None:
            self._report.odd("spans", f"trace {record.trace_id}", "left: of a trace that is", len(record.spans))
            return
        self._spans += [json.dumps(file_span(record.trace_id, span)) for span in record.spans]

    def end(self) -> None:
        """All spans of the trace have come."""
        file, self._file = self._file, None
        some, self._spans = self._spans, []
        if file is not None and some:
            file.write_text('{"spans": [' + ", ".join(some) + "]}", encoding="utf-8")
            self._report.tally("spans").imported += len(some)


def _assessment(trace_id: str, one: Assessment, *, is_valid: bool) -> dict[str, Any]:
    value = json.loads(one.value)
    said: dict[str, Any] = {"value": value}
    if one.error is not None:
        said["error"] = {
            "error_code": one.error.code,
            "error_message": one.error.message,
            "stack_trace": one.error.stack_trace,
        }
    if one.kind == "expectation" and isinstance(value, dict | list):
        said = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": one.value}}
    found: dict[str, Any] = {
        "assessment_id": one.assessment_id,
        "assessment_name": one.name,
        "trace_id": trace_id,
        "create_time": _time(one.create_time_ms),
        "last_update_time": _time(one.last_update_time_ms),
        "source": {"source_type": one.source_type, "source_id": one.source_id},
        one.kind: said,
        "valid": is_valid,
    }
    texts = {"rationale": one.rationale, "span_id": one.span_id, "overrides": one.overrides}
    found |= {name: text for name, text in texts.items() if text}
    if one.metadata:
        found["metadata"] = dict(one.metadata)
    return found


def _time(time_ms: int) -> str:
    """As RFC 3339, with milliseconds."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
