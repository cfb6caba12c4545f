"""Traces in a database of MLflow 3.17, written from records: the name, the session and what was used are columns."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from query_api.traces.span_json import attributes_of, file_span
from read_model.spans.conventions import COST as SPAN_COST
from read_model.spans.conventions import MODEL, PROVIDER
from read_model.spans.usage import COSTS, TOKENS, known_items, told_items
from read_model.spans.values import read_value
from schemas.events import Assessment, Span
from schemas.traces import COST, NAME_TAG, SESSION, SPAN_STATUSES, SPANS_HERE, SPANS_LOCATION_TAG, TOKEN_USAGE
from schemas.traces import SOURCE_RUN_OF_ASSESSMENT as SOURCE_RUN
from tracklog.moving.database_contents import PROMPT_VERSION, RUN, TRACE
from tracklog.moving.records import SpansRecord, TraceRecord
from tracklog.moving.report import Report
from tracklog.moving.trace_cells import ASSESSMENT_COLUMNS, TRACE_COLUMNS

_SPAN_TYPE: Final = "mlflow.spanType"

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "trace_info": TRACE_COLUMNS,
    "trace_tags": ("request_id", "key", "value"),
    "trace_request_metadata": ("request_id", "key", "value"),
    "assessments": (
        *ASSESSMENT_COLUMNS,
        "valid",
        "experiment_id",
        "trace_timestamp_ms",
        "aggregate_value",
        "is_numeric_value",
    ),
    "spans": (
        "trace_id",
        "experiment_id",
        "span_id",
        "parent_span_id",
        "name",
        "type",
        "status",
        "start_time_unix_nano",
        "end_time_unix_nano",
        "content",
        *COSTS,
        "model_name",
        "model_provider",
    ),
}

Put = Callable[..., bool]
"""Puts a row into a table: its name, where what it is about stands, and its values. False where no column has room."""

Link = Callable[[str, str, str, str, str], None]
"""Links one thing with another: where it stands, and of both the word for what they are, and the id."""

_LONGEST_ID: Final = 50


class TraceRows:
    """One trace at a time, followed by its spans."""

    def __init__(self, put: Put, link: Link, report: Report, experiments: Mapping[str, int]) -> None:
        self._put = put
        self._link = link
        self._report = report
        self._experiments = experiments
        self._trace: tuple[str, int] | None = None  # whose spans come: its id, and its experiment there

    def begin(self, record: TraceRecord) -> None:
        """A trace without its spans."""
        trace_id, where = record.trace_id, record.where
        experiment_id = self._experiments.get(record.experiment_key)
        self._trace = None
        if experiment_id is None or len(trace_id) > _LONGEST_ID:
            reason = "its experiment is not there" if experiment_id is None else "its id is too long"
            self._lost(record, reason)
            return
        tags, metadata = dict(record.tags), dict(record.metadata)
        told = {
            **(told_items(metadata.get(TOKEN_USAGE, ""), TOKENS) or {}),
            **(told_items(metadata.get(COST, ""), COSTS) or {}),
        }
        self._put(
            "trace_info",
            where,
            trace_id,
            experiment_id,
            record.request_time_ms,
            record.execution_duration_ms,
            record.state,
            record.client_request_id or None,
            record.request_preview,
            record.response_preview,
            tags.get(NAME_TAG),
            metadata.get(SESSION),
            *(told.get(name) for name in TOKENS),
            *(None if (cost := told.get(name)) is None else float(cost) for name in COSTS),
        )
        self._trace = trace_id, experiment_id
        for kind, table, pairs, columns in (
            ("tags of traces", "trace_tags", tags, (NAME_TAG,)),
            ("metadata of traces", "trace_request_metadata", metadata, (SESSION, TOKEN_USAGE, COST)),
        ):
            for key, value in pairs.items():
                if key in columns or self._put(table, where, trace_id, key, value):
                    self._report.tally(kind).imported += 1
        self._put("trace_tags", where, trace_id, SPANS_LOCATION_TAG, SPANS_HERE)
        overridden = {one.overrides for one in record.assessments}
        for one in record.assessments:
            self._assessment(record, one, experiment_id, is_valid=one.assessment_id not in overridden)
        for run_id in record.run_ids:
            self._link(where, TRACE, trace_id, RUN, run_id)
        for prompt in record.prompts:
            self._link(where, TRACE, trace_id, PROMPT_VERSION, f"{prompt.name}/{prompt.version}")

    def _assessment(self, record: TraceRecord, one: Assessment, experiment_id: int, *, is_valid: bool) -> None:
        metadata = dict(one.metadata)
        run_id = metadata.get(SOURCE_RUN)
        error = one.error and {
            "error_code": one.error.code,
            "error_message": one.error.message,
            "stack_trace": one.error.stack_trace,
        }
        number = _number(one.value)
        self._put(
            "assessments",
            f"{record.where}, assessment {one.assessment_id}",
            record.trace_id,
            one.assessment_id,
            one.name,
            one.kind,
            one.value,
            json.dumps(error) if error else None,
            one.create_time_ms,
            one.last_update_time_ms,
            one.source_type,
            one.source_id or None,
            run_id,
            one.span_id or None,
            one.rationale,
            one.overrides or None,
            json.dumps(metadata, ensure_ascii=False) if metadata else None,
            is_valid,
            experiment_id,
            record.request_time_ms,
            number,
            number is not None and one.value not in ("true", "false"),
        )

    def _lost(self, record: TraceRecord, why: str) -> None:
        links = len(record.run_ids) + len(record.prompts)
        for kind, number in (
            ("traces", 1),
            ("tags of traces", len(record.tags)),
            ("metadata of traces", len(record.metadata)),
            ("assessments", len(record.assessments)),
            ("links between things", links),
        ):
            if number:
                self._report.odd(kind, record.where, f"left: {why}", number)

    def spans(self, record: SpansRecord) -> None:
        """The next spans of the trace."""
        if self._trace is None:
            self._report.odd("spans", f"trace {record.trace_id}", "left: of a trace that is", len(record.spans))
            return
        for span in record.spans:
            self._span(*self._trace, span)

    def _span(self, trace_id: str, experiment_id: int, span: Span) -> None:
        attributes = {key: read_value(value) for key, value in attributes_of(trace_id, span).items()}
        costs = known_items(attributes.get(SPAN_COST), COSTS) or {}
        self._put(
            "spans",
            f"trace {trace_id}, span {span.span_id}",
            trace_id,
            experiment_id,
            span.span_id,
            span.parent_id or None,
            span.name,
            _text(attributes.get(_SPAN_TYPE)),
            SPAN_STATUSES[span.status],
            span.start_ns,
            span.end_ns or None,
            json.dumps(file_span(trace_id, span), ensure_ascii=False),
            *(None if (cost := costs.get(name)) is None else float(cost) for name in COSTS),
            _text(attributes.get(MODEL)),
            _text(attributes.get(PROVIDER)),
        )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: str) -> float | None:
    """What MLflow sums of the value of an assessment."""
    try:
        found = json.loads(value)
        return float(found) if isinstance(found, bool | int | float) else None
    except (ValueError, OverflowError, RecursionError):
        return None
