"""What commands ask the read model about traces."""

from operator import itemgetter
from typing import Final

import msgspec

from ingest.admission.lookups import Lookup, Row
from ingest.traces.state import KnownTrace
from schemas.events import Assessment


def _trace(row: Row) -> KnownTrace:
    return KnownTrace(row[0], row[1], row[2], row[3])


_COLUMNS: Final = "SELECT trace_id, experiment_id, span_count, request_time_ms FROM traces"

TRACE: Final = Lookup(f"{_COLUMNS} WHERE trace_id = $1", _trace)
TRACES: Final = Lookup(f"{_COLUMNS} WHERE trace_id = ANY($1)", _trace)

TRACE_TAG: Final[Lookup[str]] = Lookup(
    "SELECT g.key FROM trace_tags g JOIN traces t ON t.trace_number = g.trace_number"
    " WHERE t.trace_id = $1 AND g.key = $2",
    itemgetter(0),
)

OLDEST_TRACES: Final[Lookup[str]] = Lookup(
    "SELECT trace_id FROM traces WHERE experiment_id = $1 AND request_time_ms <= $2"
    " ORDER BY request_time_ms, trace_id LIMIT $3",
    itemgetter(0),
)
"""Those of an experiment up to a time, as many as are wanted."""

_decoder: Final = msgspec.json.Decoder(Assessment)


def _assessment(row: Row) -> Assessment:
    return _decoder.decode(row[0])


ASSESSMENT: Final = Lookup(
    "SELECT a.document FROM assessments a JOIN traces t ON t.trace_number = a.trace_number"
    " WHERE t.trace_id = $1 AND a.assessment_id = $2",
    _assessment,
)
