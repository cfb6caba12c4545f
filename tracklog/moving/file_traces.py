"""The traces of MLflow's file store: a folder each, with what it is, tags, metadata, assessments, and its spans."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from schemas.events import Assessment, AssessmentError
from schemas.traces import ARTIFACT_LOCATION_TAG, EXPECTATION, FEEDBACK, ISSUE, is_reserved_tag
from tracklog.moving.cells import Cells
from tracklog.moving.records import OddityRecord, Records, SizeRecord, TraceRecord
from tracklog.moving.store_files import Meta, StoreFiles, number_of_files
from tracklog.moving.trace_cells import assessed_value, with_known_sums
from tracklog.moving.trace_files import FILE

INFO: Final = "trace_info.yaml"

_TEXTS: Final = (("tags of traces", "tags"), ("metadata of traces", "request_metadata"), ("assessments", "assessments"))
"""Kinds of things, and the folder in which each is a file."""


class FileTraceReader:
    """Reads those of one experiment after the other. Those of 2.x have other names for the same."""

    def __init__(self, files: StoreFiles, cells: Cells) -> None:
        self._files = files
        self._cells = cells

    def records(self, folder: Path, experiment_key: str) -> Records:
        """The traces in a folder."""
        for trace in self._files.folders(folder, "traces"):
            yield SizeRecord("traces", 1)
            for kind, name in _TEXTS:
                yield SizeRecord(kind, number_of_files(trace / name))
            info = self._files.meta(trace, "traces", INFO)
            yield from self._cells.take()
            if info is not None:
                record = self._trace(trace, info, experiment_key)
                yield from self._cells.take()
                yield record
                continue
            yield OddityRecord("traces", self._files.where(trace), f"left: a trace without {INFO}", 1)
            for kind, name in _TEXTS:
                if lost := number_of_files(trace / name):
                    yield OddityRecord(kind, self._files.where(trace), "left: of a trace that is", lost)

    def _trace(self, folder: Path, info: Meta, experiment_key: str) -> TraceRecord:
        kind, cells, where = "traces", self._cells, self._files.where(folder)
        tags = dict(self._files.texts(folder / "tags", "tags of traces"))
        metadata = dict(self._files.texts(folder / "request_metadata", "metadata of traces"))
        metadata = with_known_sums(metadata, cells, where)
        artifacts = folder / "artifacts"
        is_here = (artifacts / str(FILE)).is_file()
        return TraceRecord(
            where=where,
            trace_id=cells.text(info.get("trace_id") or info.get("request_id") or folder.name, kind, where),
            experiment_key=experiment_key,
            request_time_ms=self._time_ms(info.get("request_time", info.get("timestamp_ms")), kind, where) or 0,
            execution_duration_ms=cells.number(
                info.get("execution_duration_ms", info.get("execution_time_ms")), kind, where
            ),
            state=cells.text(info.get("state") or info.get("status"), kind, where),
            client_request_id=cells.text(info.get("client_request_id"), kind, where),
            request_preview=self._text_or_none(info.get("request_preview"), where),
            response_preview=self._text_or_none(info.get("response_preview"), where),
            tags={key: value for key, value in tags.items() if not is_reserved_tag(key)},
            metadata=metadata,
            numbers_of_pairs=(len(tags), len(metadata)),
            assessments=[
                found
                for path, _ in self._files.files(folder / "assessments", kind)
                if (found := self._assessment(path)) is not None
            ],
            spans_at=str(artifacts) if is_here else tags.get(ARTIFACT_LOCATION_TAG, ""),
        )

    def _assessment(self, path: Path) -> Assessment | None:
        """One that MLflow would not read stays behind."""
        kind, cells, where = "assessments", self._cells, self._files.where(path)
        found = self._files.document(path, kind)
        type_ = next((one for one in (FEEDBACK, EXPECTATION, ISSUE) if found and one in found), None)
        if found is None or type_ is None:
            cells.odd(kind, where, "left: it says neither feedback nor an expectation", 1)
            return None
        said, source = _map(found[type_]), _map(found.get("source"))
        error = _map(said.get("error") or found.get("error"))
        created_ms = self._time_ms(found.get("create_time"), kind, where) or 0
        return Assessment(
            assessment_id=cells.text(found.get("assessment_id") or path.stem, kind, where),
            name=cells.text(found.get("assessment_name"), kind, where),
            kind=type_,
            value=assessed_value(_value(said), cells, where),
            error=AssessmentError(
                *(cells.text(error.get(key), kind, where) for key in ("error_code", "error_message", "stack_trace"))
            )
            if error
            else None,
            source_type=cells.text(source.get("source_type"), kind, where),
            source_id=cells.text(source.get("source_id"), kind, where),
            create_time_ms=created_ms,
            last_update_time_ms=self._time_ms(found.get("last_update_time"), kind, where) or created_ms,
            rationale=self._text_or_none(found.get("rationale"), where),
            metadata={
                cells.text(key, kind, where): cells.text(value, kind, where)
                for key, value in _map(found.get("metadata")).items()
            },
            span_id=cells.text(found.get("span_id"), kind, where),
            overrides=cells.text(found.get("overrides"), kind, where),
        )

    def _text_or_none(self, value: Any, where: str) -> str | None:
        return None if value is None else self._cells.text(value, "traces", where)

    def _time_ms(self, value: Any, kind: str, where: str) -> int | None:
        """Milliseconds since the Unix epoch, of these or of a time in the form of RFC 3339."""
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return self._cells.number(value, kind, where)
        if isinstance(value, datetime):
            moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
            return int(moment.timestamp() * 1000 + 0.5)
        return self._cells.number(value, kind, where)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _value(said: Mapping[str, Any]) -> str:
    """The JSON of what was said; an expectation that is more than a text or a number has it as text."""
    serialized = _map(said.get("serialized_value")).get("value")
    return serialized if isinstance(serialized, str) else json.dumps(said.get("value"), default=str)
