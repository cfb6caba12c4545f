"""What stores say of a trace in texts of a form of their own, as events hold it: its usage, values of assessments."""

from typing import Final

import msgspec
import orjson

from read_model.spans.usage import COSTS, SUMS, TOKENS, told_items, usage_text
from tracklog.moving.cells import Cells

TRACE_COLUMNS: Final = (
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
"""Of the table of traces, as it has been since 3.17."""

ASSESSMENT_COLUMNS: Final = (
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
"""What is read of the table of assessments, and written."""


def with_known_sums(found: dict[str, str], cells: Cells, where: str) -> dict[str, str]:
    """The metadata of a trace, with what is known of a usage and a cost; one that says nothing is told of."""
    for key, items in SUMS.items():
        if key in found:
            told = told_items(found[key], items)
            if told is not None:
                found[key] = usage_text(told)
            else:
                what = f"left: {key!r} has none of its numbers in {found.pop(key)!r:.100}"
                cells.odd("metadata of traces", where, what, 1)
    return found


def assessed_value(text: str, cells: Cells, where: str) -> str:
    """The value of an assessment as JSON that can be read; the text as it is, of what is no such JSON."""
    if _is_readable(text):
        return text
    what = f"its value {text!r:.100} is no JSON, or beyond doubles or too deep; taken for text"
    cells.odd("assessments", where, what)
    return msgspec.json.encode(text).decode()


def _is_readable(text: str) -> bool:
    """Whether text is JSON whose numbers doubles can hold, and that can be written again."""
    try:
        orjson.dumps(orjson.loads(text))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False
    return True
