"""The traces of a database of MLflow: what they are, their spans as far as they lie in it, what was said of them."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import orjson

from read_model.spans.usage import COSTS, SUMS, TOKENS, known_items, told_items, usage_text
from read_model.spans.values import escaped_map
from schemas.events import Assessment, AssessmentError, Span, SpanEvent, SpanLink
from schemas.traces import (
    ARTIFACT_LOCATION_TAG,
    COST,
    EXPECTATION,
    FEEDBACK,
    ISSUE,
    NAME_TAG,
    SESSION,
    SOURCE_RUN_OF_ASSESSMENT,
    SPANS_HERE,
    SPANS_LOCATION_TAG,
    TOKEN_USAGE,
    is_reserved_tag,
)
from tracklog.moving.cells import Cells
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Grouped, Row
from tracklog.moving.records import Records, SizeRecord, SpansRecord, TraceRecord
from tracklog.moving.texts import mended

SPANS_PER_RECORD: Final = 256

_ESCAPED: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""NUL, and halves of characters beyond the first plane."""
_PLAIN: Final = re.compile(r"true|false|-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?")

_INFO: Final = (
    "request_id",
    "experiment_id",
    "timestamp_ms",
    "execution_time_ms",
    "status",
    "client_request_id",
    "request_preview",
    "response_preview",
    "trace_name",
    "session_id",
    *TOKENS,
    *COSTS,
)
_ASSESSMENT: Final = (
    "trace_id",
    "assessment_id",
    "name",
    "assessment_type",
    "value",
    "error",
    "created_timestamp",
    "last_updated_timestamp",
    "source_type",
    "source_id",
    "run_id",
    "span_id",
    "rationale",
    "overrides",
    "assessment_metadata",
)
_ERROR: Final = ("error_code", "error_message", "stack_trace")
_STATUSES: Final = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


class TraceReader:
    """Reads traces in the order of their ids, each followed by its spans."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        by_request, by_trace = ("request_id",), ("trace_id",)
        tags = Grouped(
            self._rows.blocks_of("trace_tags", ("request_id", "key", "value"), by_request, then=("key",)),
            "tags of traces",
        )
        metadata = Grouped(
            self._rows.blocks_of("trace_request_metadata", ("request_id", "key", "value"), by_request, then=("key",)),
            "metadata of traces",
        )
        assessments = Grouped(
            self._rows.blocks_of("assessments", _ASSESSMENT, by_trace, then=("created_timestamp", "assessment_id")),
            "assessments",
        )
        spans = Grouped(
            self._rows.blocks_of(
                "spans", ("trace_id", "span_id", "content"), by_trace, then=("start_time_unix_nano", "span_id")
            ),
            "spans",
        )
        streams = (tags, metadata, assessments, spans)
        for row in self._rows.of("trace_info", _INFO, by_request, then=()):
            trace_id = row[0]
            for stream in streams:
                yield from stream.before(trace_id)
            where = f"trace_info, request_id {trace_id!r:.60}"
            record = self._trace(where, row, tags.of(trace_id), metadata.of(trace_id), assessments.of(trace_id))
            yield from self._cells.take()
            yield record
            yield from self._spans(where, record.trace_id, spans.of(trace_id))
            yield from self._cells.take()
        for stream in streams:
            yield from stream.before(None)

    def _trace(
        self, where: str, row: Row, tags: Iterator[Row], metadata: Iterator[Row], assessments: Iterator[Row]
    ) -> TraceRecord:
        kind, cells = "traces", self._cells
        info = dict(zip(_INFO, row, strict=True))
        its_tags = dict(cells.pair(one, "tags of traces", where) for one in tags)
        its_metadata = self._metadata(where, metadata)
        number = len(its_tags), len(its_metadata)
        if its_tags.get(SPANS_LOCATION_TAG) != SPANS_HERE:
            place = its_tags.get(ARTIFACT_LOCATION_TAG, "")
            cells.odd(kind, where, f"its spans, if it has any, stay in traces.json at {place!r:.200}")
        # From 3.17 on these have columns of their own, and are in no table of keys.
        for held, key, value in (
            (its_tags, NAME_TAG, info["trace_name"]),
            (its_metadata, SESSION, info["session_id"]),
            (its_metadata, TOKEN_USAGE, _sums(info, TOKENS)),
            (its_metadata, COST, _sums(info, COSTS)),
        ):
            if value is not None:
                held.setdefault(key, cells.text(value, kind, where))
        return TraceRecord(
            where=where,
            trace_id=cells.text(info["request_id"], kind, where),
            experiment_key=str(info["experiment_id"]),
            request_time_ms=cells.number(info["timestamp_ms"], kind, where) or 0,
            execution_duration_ms=cells.number(info["execution_time_ms"], kind, where),
            state=cells.text(info["status"], kind, where),
            client_request_id=cells.text(info["client_request_id"], kind, where),
            request_preview=self._text_or_none(info["request_preview"], where),
            response_preview=self._text_or_none(info["response_preview"], where),
            tags={key: value for key, value in its_tags.items() if not is_reserved_tag(key)},
            metadata=its_metadata,
            numbers_of_pairs=number,
            assessments=[found for one in assessments if (found := self._assessment(one, where)) is not None],
        )

    def _metadata(self, where: str, rows: Iterator[Row]) -> dict[str, str]:
        """Of a usage and a cost what is known of them."""
        kind, cells = "metadata of traces", self._cells
        found = dict(cells.pair(one, kind, where) for one in rows)
        for key, items in SUMS.items():
            if key in found:
                told = told_items(found[key], items)
                if told is not None:
                    found[key] = usage_text(told)
                else:
                    cells.odd(kind, where, f"left: {key!r} has none of its numbers in {found.pop(key)!r:.100}", 1)
        return found

    def _value(self, value: Any, where: str) -> str:
        """The value of an assessment as JSON that can be read; the text as it is, of what is no such JSON."""
        cells, kind = self._cells, "assessments"
        text = cells.text(value, kind, where) or "null"
        if _is_readable(text):
            return text
        cells.odd(kind, where, f"its value {text!r:.100} is no JSON, or beyond doubles or too deep; taken for text")
        return msgspec.json.encode(text).decode()

    def _text_or_none(self, value: Any, where: str) -> str | None:
        return None if value is None else self._cells.text(value, "traces", where)

    def _assessment(self, row: Row, of_trace: str) -> Assessment | None:
        kind, cells = "assessments", self._cells
        found = dict(zip(_ASSESSMENT, row, strict=True))
        where = f"{of_trace}, assessment {found['assessment_id']!r:.60}"
        type_ = found["assessment_type"]
        if type_ not in (FEEDBACK, EXPECTATION, ISSUE):
            cells.odd(kind, where, f"left: its type {type_!r:.50} is no word that is known", 1)
            return None
        created_ms = cells.number(found["created_timestamp"], kind, where) or 0
        metadata = _object(found["assessment_metadata"])
        if found["run_id"]:
            metadata.setdefault(SOURCE_RUN_OF_ASSESSMENT, found["run_id"])
        error = _object(found["error"])
        return Assessment(
            assessment_id=cells.text(found["assessment_id"], kind, where),
            name=cells.text(found["name"], kind, where),
            kind=type_,
            value=self._value(found["value"], where),
            error=AssessmentError(*(cells.text(error.get(key), kind, where) for key in _ERROR)) if error else None,
            source_type=cells.text(found["source_type"], kind, where),
            source_id=cells.text(found["source_id"], kind, where),
            create_time_ms=created_ms,
            last_update_time_ms=cells.number(found["last_updated_timestamp"], kind, where) or created_ms,
            rationale=None if found["rationale"] is None else cells.text(found["rationale"], kind, where),
            metadata={str(key): cells.text(value, kind, where) for key, value in metadata.items()},
            span_id=cells.text(found["span_id"], kind, where),
            overrides=cells.text(found["overrides"], kind, where),
        )

    def _spans(self, where: str, trace_id: str, rows: Iterable[Row]) -> Records:
        some: list[Span] = []
        for _, span_id, content in rows:
            try:
                some.append(_span(self._cells.text(content, "spans", where)))
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
                self._cells.odd("spans", f"{where}, span {span_id!r:.50}", f"left: it cannot be read: {error}", 1)
            if len(some) == SPANS_PER_RECORD:
                yield SpansRecord(trace_id, some)
                some = []
        if some:
            yield SpansRecord(trace_id, some)


def trace_sizes(rows: DatabaseRows) -> Records:
    """How many there are by the database's own count."""
    for kind, table in (
        ("traces", "trace_info"),
        ("tags of traces", "trace_tags"),
        ("metadata of traces", "trace_request_metadata"),
        ("assessments", "assessments"),
        ("spans", "spans"),
    ):
        yield SizeRecord(kind, rows.count(table))


def _sums(info: dict[str, Any], items: Sequence[str]) -> str | None:
    """Columns as the JSON that clients know; None where there are none."""
    found = known_items(info, items)
    return None if found is None else usage_text(found)


def _is_readable(text: str) -> bool:
    """Whether text is JSON whose numbers doubles can hold, and that can be written again."""
    try:
        orjson.dumps(orjson.loads(text))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False
    return True


def _object(text: Any) -> dict[str, Any]:
    """A JSON object, as text or as the database decoded it; empty for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str | bytes) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _span(content: str) -> Span:
    """A span of MLflow's JSON. Raises ValueError and others for what is none."""
    found = json.loads(content)
    if _ESCAPED.search(content) is not None:
        found = _mended(found)
    status = found.get("status") or {}
    span = Span(
        span_id=_id(found["span_id"]),
        parent_id=_id(found.get("parent_span_id")),
        name=str(found.get("name") or ""),
        start_ns=int(found.get("start_time_unix_nano") or 0),
        end_ns=int(found.get("end_time_unix_nano") or 0),
        status=_STATUSES.get(str(status.get("code")), 0),
        status_message=str(status.get("message") or ""),
        attributes={key: _value(value) for key, value in (found.get("attributes") or {}).items()},
        events=[
            SpanEvent(str(one.get("name") or ""), int(one.get("time_unix_nano") or 0), _attributes(one))
            for one in found.get("events") or ()
        ],
        links=[
            SpanLink(_id(one.get("trace_id")), _id(one.get("span_id")), _attributes(one))
            for one in found.get("links") or ()
        ],
    )
    orjson.dumps(msgspec.to_builtins(span))  # numbers of more than 64 bits are no part of an event
    return span


def _attributes(of: dict[str, Any]) -> dict[str, Any]:
    """Those of an event or a link, which MLflow keeps as the JSON that they are."""
    return {key: _escaped(value) for key, value in (of.get("attributes") or {}).items()}


def _escaped(value: Any) -> Any:
    """JSON as an event holds it, in which no map passes for what JSON has no form for."""
    match value:
        case dict():
            return escaped_map({key: _escaped(one) for key, one in value.items()})
        case list():
            return [_escaped(one) for one in value]
        case _:
            return value


def _value(found: Any) -> Any:
    """An attribute. MLflow keeps each as JSON in text: of a number or a truth value that is one, and not a text."""
    if not isinstance(found, str) or _PLAIN.fullmatch(found) is None:
        return _escaped(found)
    return json.loads(found)


def _mended(value: Any) -> Any:
    """JSON with each character replaced that no event can hold; escaped, it passes for text until it is decoded."""
    match value:
        case str():
            return mended(value)
        case list():
            return [_mended(one) for one in value]
        case dict():
            return {mended(key): _mended(one) for key, one in value.items()}
        case _:
            return value


def _id(text: Any) -> str:
    """Base64 as hexadecimal; empty for none."""
    return base64.b64decode(text, validate=True).hex() if text else ""
