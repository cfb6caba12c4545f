"""The traces of a database of MLflow: what they are, their spans as far as they lie in it, what was said of them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import select

from read_model.spans.usage import COSTS, TOKENS, known_items, usage_text
from schemas.events import Assessment, AssessmentError, PromptVersion, Span
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
from tracklog.moving.database_contents import ASSOCIATIONS, PROMPT_VERSION, RUN, TRACE
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Block, Grouped, Row
from tracklog.moving.records import SPANS_PER_RECORD, Records, SizeRecord, SpansRecord, TraceRecord
from tracklog.moving.span_reading import UNREADABLE, span_of
from tracklog.moving.trace_cells import ASSESSMENT_COLUMNS, TRACE_COLUMNS, assessed_value, with_known_sums

LARGEST_VERSION: Final = 2**31 - 1

_ERROR: Final = ("error_code", "error_message", "stack_trace")


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
            self._rows.blocks_of(
                "assessments", ASSESSMENT_COLUMNS, by_trace, then=("created_timestamp", "assessment_id")
            ),
            "assessments",
        )
        spans = Grouped(
            self._rows.blocks_of(
                "spans", ("trace_id", "span_id", "content"), by_trace, then=("start_time_unix_nano", "span_id")
            ),
            "spans",
        )
        links = Grouped(self._links(), "links between things")
        streams = (tags, metadata, assessments, spans, links)
        for row in self._rows.of("trace_info", TRACE_COLUMNS, by_request, then=()):
            trace_id = row[0]
            for stream in streams:
                yield from stream.before(trace_id)
            where = f"trace_info, request_id {trace_id!r:.60}"
            its_links = [self._link(one, where) for one in links.of(trace_id)]
            record = self._trace(
                where, row, tags.of(trace_id), metadata.of(trace_id), assessments.of(trace_id), its_links
            )
            yield from self._cells.take()
            yield record
            yield from self._spans(where, record.trace_id, spans.of(trace_id))
            yield from self._cells.take()
        for stream in streams:
            yield from stream.before(None)

    def _links(self) -> Iterator[Block]:
        """trace, type and id of what it is linked with"""
        if ASSOCIATIONS not in self._rows.columns:
            return iter(())
        of = self._rows.table(ASSOCIATIONS)
        statement = (
            select(of.c.source_id, of.c.destination_type, of.c.destination_id)
            .where(of.c.source_type == TRACE, of.c.destination_type.in_((RUN, PROMPT_VERSION)))
            .order_by(self._rows.by_bytes(of.c.source_id), of.c.destination_type, of.c.destination_id)
        )
        return self._rows.blocks(statement)

    def _link(self, row: Row, where: str) -> tuple[str, str]:
        return str(row[1]), self._cells.text(row[2], "links between things", where)

    def _trace(
        self,
        where: str,
        row: Row,
        tags: Iterator[Row],
        metadata: Iterator[Row],
        assessments: Iterator[Row],
        links: Sequence[tuple[str, str]],
    ) -> TraceRecord:
        kind, cells = "traces", self._cells
        info = dict(zip(TRACE_COLUMNS, row, strict=True))
        its_tags = dict(cells.pair(one, "tags of traces", where) for one in tags)
        pairs = dict(cells.pair(one, "metadata of traces", where) for one in metadata)
        its_metadata = with_known_sums(pairs, cells, where)
        number = len(its_tags), len(its_metadata)
        spans_at = "" if its_tags.get(SPANS_LOCATION_TAG) == SPANS_HERE else its_tags.get(ARTIFACT_LOCATION_TAG, "")
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
            spans_at=spans_at,
            run_ids=[to for to_type, to in links if to_type == RUN],
            prompts=list(self._prompts([to for to_type, to in links if to_type == PROMPT_VERSION], where)),
        )

    def _prompts(self, found: Iterable[str], where: str) -> Iterator[PromptVersion]:
        for one in found:
            name, _, number = one.rpartition("/")
            if name and number.isascii() and number.isdigit() and 0 < int(number) <= LARGEST_VERSION:
                yield PromptVersion(name, int(number))
            else:
                self._cells.odd("links between things", where, f"left: {one!r:.200} is no version of a prompt", 1)

    def _text_or_none(self, value: Any, where: str) -> str | None:
        return None if value is None else self._cells.text(value, "traces", where)

    def _assessment(self, row: Row, of_trace: str) -> Assessment | None:
        kind, cells = "assessments", self._cells
        found = dict(zip(ASSESSMENT_COLUMNS, row, strict=True))
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
            value=assessed_value(cells.text(found["value"], kind, where) or "null", cells, where),
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
                some.append(span_of(self._cells.text(content, "spans", where)))
            except UNREADABLE as error:
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


def _object(text: Any) -> dict[str, Any]:
    """A JSON object, as text or as the database decoded it; empty for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str | bytes) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
