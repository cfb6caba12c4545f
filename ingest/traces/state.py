"""What commands know of a trace."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownTrace:
    trace_id: str
    experiment_id: int
    span_count: int = 0
    request_time_ms: int = 0
