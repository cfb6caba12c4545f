"""MLflow's names for what traces have, and the rules that several services hold to."""

import re
from typing import Final

from schemas.errors import ResourceDoesNotExist

OK: Final = "OK"
ERROR: Final = "ERROR"
IN_PROGRESS: Final = "IN_PROGRESS"
STATE_UNSPECIFIED: Final = "STATE_UNSPECIFIED"
STATES: Final = (STATE_UNSPECIFIED, OK, ERROR, IN_PROGRESS)
"""TraceState, in the order of its numbers."""

UNSET: Final = "UNSET"
SPAN_STATUSES: Final = (UNSET, OK, ERROR)
"""The status of a span, in the order of OpenTelemetry's numbers."""

NAME_TAG: Final = "mlflow.traceName"
ARTIFACT_LOCATION_TAG: Final = "mlflow.artifactLocation"
SPANS_LOCATION_TAG: Final = "mlflow.trace.spansLocation"
SPANS_HERE: Final = "TRACKING_STORE"
"""The value of that tag of a trace whose spans are here."""

SESSION: Final = "mlflow.trace.session"
USER_OF_TRACE: Final = "mlflow.trace.user"
TOKEN_USAGE: Final = "mlflow.trace.tokenUsage"
COST: Final = "mlflow.trace.cost"
FINAL: Final = "mlflow.trace.infoFinalized"
SIZE: Final = "mlflow.trace.sizeStats"
SOURCE_RUN: Final = "mlflow.sourceRun"
"""Metadata of a trace."""

TRACE_TAG_PREFIX: Final = "mlflow.traceTag."
"""Of attributes of a root span that are tags of its trace."""

MAX_TRACE_NAME_CHARACTERS: Final = 4096
MAX_TRACE_SESSION_CHARACTERS: Final = 250

MAX_SPANS_OF_TRACE: Final = 100_000

_RESERVED: Final = frozenset(
    {
        ARTIFACT_LOCATION_TAG,
        SPANS_LOCATION_TAG,
        "mlflow.trace.archiveLocation",
        "mlflow.trace.archivalFailure",
    }
)

_TAG_KEY: Final = re.compile(r"[/\w.\- :]{1,250}")
_TRACE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

FEEDBACK: Final = "feedback"
EXPECTATION: Final = "expectation"
ISSUE: Final = "issue"
SOURCE_RUN_OF_ASSESSMENT: Final = "mlflow.assessment.sourceRunId"


def is_reserved_tag(key: str) -> bool:
    """Whether no client may say what a tag holds: it would choose what the server reads, or whether it does."""
    return key in _RESERVED


def is_open_tag(key: str) -> bool:
    """Whether spans may name a tag so: MLflow's rule for keys, and no reserved one."""
    return _TAG_KEY.fullmatch(key) is not None and key not in _RESERVED


def is_trace_id(text: str) -> bool:
    """Whether a trace may have this id, which is a folder of its artifacts too."""
    return _TRACE_ID.fullmatch(text) is not None


def trace_folder(trace_id: str) -> str:
    """Where the artifacts of a trace lie, below those of its experiment."""
    return f"traces/{trace_id}/artifacts"


def trace_not_found(trace_id: str) -> ResourceDoesNotExist:
    """The refusal of what is about a trace that is not there."""
    return ResourceDoesNotExist(f"Trace with ID '{trace_id}' not found.")


def spans_not_found(trace_id: str) -> ResourceDoesNotExist:
    """The same where the spans of the trace are asked for: MLflow has other words there."""
    return ResourceDoesNotExist(f"Trace with ID {trace_id} is not found.")


def assessed_not_found(trace_id: str) -> ResourceDoesNotExist:
    """The same where an assessment of the trace is asked for."""
    return ResourceDoesNotExist(f"Trace with request_id '{trace_id}' not found")


def assessment_not_found(trace_id: str, assessment_id: str) -> ResourceDoesNotExist:
    """The refusal of what is about an assessment that its trace does not have."""
    return ResourceDoesNotExist(f"Assessment with ID '{assessment_id}' not found for trace '{trace_id}'")
