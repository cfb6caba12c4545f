"""The read routes of metrics, whose answers may be too long to keep and are then sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import ClassVar, Final, TypeVar

import msgspec
from aiohttp import web

from query_api.metrics.history import bulk_history_json, history_json
from query_api.metrics.intervals import MetricIntervals, check_runs
from query_api.past.about import METRIC
from query_api.port import ReadModel
from query_api.reads import OrderingUnits, Reads, mlflow_read
from schemas.errors import InvalidParameterValue, RequestLimitExceeded
from schemas.events.runs import RUNS
from schemas.levels import Level
from schemas.messages.bounds import Key, RunIds
from schemas.messages.message import Int32, Message, Required
from schemas.messages.metrics import GetMetricHistory, GetMetricHistoryBulkInterval
from schemas.rest.access import RUN, On, Rule
from schemas.rest.handler import fresh_message, named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import MIB, V2_AJAX_ONLY, Handler, Limits, Route
from schemas.rest.rules import READ_RUN, READ_RUNS

HISTORY_LIMITS: Final = Limits(body_bytes=MIB, timeout_s=3600.0)
"""A history of 10,000,000 points is 800 MB, which takes its client longer than the server."""

MAX_STREAMS: Final = 128
"""Long histories on their way at once. Each holds some 400 kB for as long as its client takes."""

MAX_BULK_POINTS: Final = 25_000
"""MLflow's limit of get-history-bulk, of all runs together."""

M = TypeVar("M", bound=Message)
Pieces = Callable[[ReadModel, M], AsyncIterator[bytes]]
"""Answers a message from the read model, in pieces of JSON."""


class GetMetricHistoryBulk(Message):
    """The request of the hand-written route of older pages."""

    required: ClassVar[Required] = ("metric_key",)

    run_id: RunIds = msgspec.field(default_factory=list)
    metric_key: Key = ""
    max_results: Int32 = MAX_BULK_POINTS


_READ_BULK: Final[Rule] = (On(Level.READ, RUN, "run_id"),)


def metric_routes(reads: Reads, intervals: MetricIntervals) -> tuple[Route, ...]:
    streams = _StreamedBodies()
    history = reads.from_the_past(
        GetMetricHistory, _whole_history, METRIC, _streamed(reads, streams, GetMetricHistory, _history, _run)
    )
    bulk_history = _streamed(reads, streams, GetMetricHistoryBulk, _bulk_history, _bulk_runs)
    return (
        mlflow_read(
            "GET",
            "metrics/get-history",
            history,
            READ_RUN,
            limits=HISTORY_LIMITS,
            takes_moment=reads.past is not None,
        ),
        mlflow_read("GET", "metrics/get-history-bulk", bulk_history, _READ_BULK, prefixes=V2_AJAX_ONLY),
        reads.route(
            "GET",
            "metrics/get-history-bulk-interval",
            GetMetricHistoryBulkInterval,
            intervals.get,
            READ_RUNS,
            _interval_runs,
        ),
    )


def _run(wanted: GetMetricHistory) -> Iterable[str]:
    return (RUNS.ordering_unit(wanted.run),)


def _bulk_runs(wanted: GetMetricHistoryBulk) -> Iterable[str]:
    return map(RUNS.ordering_unit, wanted.run_id)


def _interval_runs(wanted: GetMetricHistoryBulkInterval) -> Iterable[str]:
    return map(RUNS.ordering_unit, wanted.run_ids or ())


def _history(read_model: ReadModel, wanted: GetMetricHistory) -> AsyncIterator[bytes]:
    return history_json(
        read_model, wanted.run, wanted.metric_key, max_results=wanted.max_results, page_token=wanted.page_token
    )


async def _whole_history(read_model: ReadModel, wanted: GetMetricHistory) -> bytes:
    """In one piece: what is folded on the spot is bounded."""
    return b"".join([piece async for piece in _history(read_model, wanted)])


def _bulk_history(read_model: ReadModel, wanted: GetMetricHistoryBulk) -> AsyncIterator[bytes]:
    check_runs("run_id", wanted.run_id)
    max_results = min(wanted.max_results, MAX_BULK_POINTS)
    if max_results < 0:
        raise InvalidParameterValue(f"max_results must not be negative, got {wanted.max_results}.")
    return bulk_history_json(read_model, wanted.run_id, wanted.metric_key, max_results)


def _streamed(
    reads: Reads, streams: "_StreamedBodies", message_type: type[M], pieces: Pieces[M], units: OrderingUnits[M]
) -> Handler:
    """Handle a request of `message_type` with the pieces of a body."""
    catch_up = reads.catch_up(units)

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await fresh_message(request, message_type, catch_up)
        return await streams.answer(request, pieces(reads.read_model, message))

    return named_for(message_type, handle)


class _StreamedBodies:
    """The bodies that are being sent piece by piece, of which there is a bounded number."""

    def __init__(self) -> None:
        self._under_way = 0

    async def answer(self, request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
        """One piece is answered as it is; more are sent as they come, as fast as the client takes them.

        Raises RequestLimitExceeded.
        """
        first = await anext(pieces)
        second = await anext(pieces, None)
        if second is None:
            return JsonAnswer(first)
        if self._under_way >= MAX_STREAMS:
            raise RequestLimitExceeded(f"{MAX_STREAMS} long histories are on their way; try again.")
        self._under_way += 1
        try:
            return await _sent(request, first, second, pieces)
        finally:
            self._under_way -= 1


async def _sent(request: web.Request, first: bytes, second: bytes, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """A body of unknown length."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        await response.prepare(request)
        await response.write(first)
        await response.write(second)
        async for piece in pieces:
            await response.write(piece)
            # A client that takes everything at once never makes `write` wait, and other requests want their turn.
            await asyncio.sleep(0)
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client left in the middle, and there is no connection to answer on
    return response
