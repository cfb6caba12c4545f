"""The read routes of traces."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from query_api.reads import Reads
from query_api.traces.correlation import correlation
from query_api.traces.document import (
    batch_get_trace_infos,
    batch_get_traces,
    get_assessment,
    get_trace,
    get_trace_info,
    get_trace_info_v2,
)
from query_api.traces.metrics import query_metrics
from query_api.traces.search import search_traces, search_traces_v3
from schemas.events import EXPERIMENTS_ORDERING_UNIT, TRACES
from schemas.levels import Level
from schemas.messages.traces import (
    BatchGetTraceInfos,
    BatchGetTraces,
    CalculateTraceFilterCorrelation,
    GetAssessment,
    GetTrace,
    GetTraceInfo,
    GetTraceInfoV3,
    QueryTraceMetrics,
    SearchTraces,
    SearchTracesV3,
)
from schemas.rest.access import TRACE, TRACE_IF_ANY, TRACES_OF, On, Rule
from schemas.rest.route import V3, Route


def _located(message: Any) -> Iterable[str]:
    return {one.mlflow_experiment.experiment_id for one in message.locations or () if one.mlflow_experiment}


_READ: Final[Rule] = (On(Level.READ, TRACE, "trace_id"),)
_READ_V2: Final[Rule] = (On(Level.READ, TRACE, "request_id"),)
_READ_ALL: Final[Rule] = (On(Level.READ, TRACE_IF_ANY, "trace_ids", optional=True),)
_SEARCH: Final[Rule] = (On(Level.READ, TRACES_OF, "experiment_ids", optional=True),)
_SEARCH_V3: Final[Rule] = (On(Level.READ, TRACES_OF, _located, optional=True),)


def trace_routes(reads: Reads) -> tuple[Route, ...]:
    r = reads.route
    of_ids = partial(r, seen=True)  # which clients give: one may come, or move, between the judging and the reading
    return (
        of_ids("GET", "traces/get", GetTrace, get_trace, _READ, _of_one, prefixes=V3),
        of_ids("GET", "traces/batchGet", BatchGetTraces, batch_get_traces, _READ_ALL, _of_several, prefixes=V3),
        of_ids(
            "POST",
            "traces/batchGetInfos",
            BatchGetTraceInfos,
            batch_get_trace_infos,
            _READ_ALL,
            _of_several,
            prefixes=V3,
        ),
        of_ids("GET", "traces/{trace_id}", GetTraceInfoV3, get_trace_info, _READ, _of_one, prefixes=V3),
        of_ids("GET", "traces/{request_id}/info", GetTraceInfo, get_trace_info_v2, _READ_V2, _of_one_v2),
        of_ids(
            "GET",
            "traces/{trace_id}/assessments/{assessment_id}",
            GetAssessment,
            get_assessment,
            _READ,
            _of_one,
            prefixes=V3,
        ),
        r("GET", "traces", SearchTraces, search_traces, _SEARCH),
        r("POST", "traces/search", SearchTracesV3, search_traces_v3, _SEARCH_V3, prefixes=V3),
        r("POST", "traces/metrics", QueryTraceMetrics, query_metrics, _SEARCH, prefixes=V3),
        r(
            "POST",
            "traces/calculate-filter-correlation",
            CalculateTraceFilterCorrelation,
            correlation,
            _SEARCH,
            prefixes=V3,
        ),
    )


def _of_one(wanted: GetTrace | GetTraceInfoV3 | GetAssessment) -> Iterable[str]:
    return (TRACES.ordering_unit(wanted.trace_id), EXPERIMENTS_ORDERING_UNIT)


def _of_one_v2(wanted: GetTraceInfo) -> Iterable[str]:
    return (TRACES.ordering_unit(wanted.request_id), EXPERIMENTS_ORDERING_UNIT)


def _of_several(wanted: BatchGetTraces | BatchGetTraceInfos) -> Iterable[str]:
    return (*map(TRACES.ordering_unit, wanted.trace_ids or ()), EXPERIMENTS_ORDERING_UNIT)
