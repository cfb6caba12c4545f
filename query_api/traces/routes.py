"""The read routes of traces."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp import web

from query_api.port import ReadModel
from query_api.reads import OrderingUnits, Reads, mlflow_read
from query_api.seen import seen_by
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
from schemas.messages.message import Message
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
from schemas.rest.access import TRACE, TRACE_IF_ANY, TRACES_OF, On, Rule, sight_of
from schemas.rest.handler import fresh_message, named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.large_body import LargeAnswer, LargeBody
from schemas.rest.route import V3, Route

M = TypeVar("M", bound=Message)


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
        _with_spans(reads, "traces/get", GetTrace, get_trace, _READ, _of_one),
        _with_spans(reads, "traces/batchGet", BatchGetTraces, batch_get_traces, _READ_ALL, _of_several),
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


def _with_spans(
    reads: Reads,
    path: str,
    message_type: type[M],
    answer: Callable[[ReadModel, M], Awaitable[bytes | LargeBody]],
    rule: Rule,
    units: OrderingUnits[M],
) -> Route:
    """As the others of ids, with an answer that may be large."""
    catch_up = reads.catch_up(units)

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await fresh_message(request, message_type, catch_up)
        found = await answer(seen_by(reads.read_model, await sight_of(request)), message)
        return JsonAnswer(found) if isinstance(found, bytes) else LargeAnswer(found)

    return mlflow_read("GET", path, named_for(message_type, handle), rule, prefixes=V3)


def _of_one(wanted: GetTrace | GetTraceInfoV3 | GetAssessment) -> Iterable[str]:
    return (TRACES.ordering_unit(wanted.trace_id), EXPERIMENTS_ORDERING_UNIT)


def _of_one_v2(wanted: GetTraceInfo) -> Iterable[str]:
    return (TRACES.ordering_unit(wanted.request_id), EXPERIMENTS_ORDERING_UNIT)


def _of_several(wanted: BatchGetTraces | BatchGetTraceInfos) -> Iterable[str]:
    return (*map(TRACES.ordering_unit, wanted.trace_ids or ()), EXPERIMENTS_ORDERING_UNIT)
