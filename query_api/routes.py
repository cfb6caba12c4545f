"""The read routes of the tracking API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final, TypeVar

from aiohttp import web

from event_log.port import EventLogReader
from query_api.event_history import ReadEvents, events_json
from query_api.freshness import Freshness
from query_api.graphql.request import GraphQL, graphql_request
from query_api.server_routes import server_routes
from query_api.service import GetMetricHistoryBulk, QueryService
from schemas.errors import BadRequest, RequestLimitExceeded
from schemas.events import EXPERIMENTS_ORDERING_UNIT, ordering_unit_of
from schemas.messages.experiments import GetExperiment, GetExperimentByName, SearchDatasets, SearchExperiments
from schemas.messages.logged_models import GetLoggedModel, SearchLoggedModels
from schemas.messages.message import Message
from schemas.messages.metrics import GetMetricHistory, GetMetricHistoryBulkInterval
from schemas.messages.runs import GetRun, SearchRuns
from schemas.rest.decode import read_message
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import (
    MIB,
    NO_PREFIX,
    READ_LIMITS,
    V2,
    V2_AJAX_ONLY,
    Handler,
    Kind,
    Limits,
    Permission,
    Route,
)

HISTORY_LIMITS: Final = Limits(body_bytes=MIB, timeout_s=3600.0)
"""A history of 10,000,000 points is 800 MB, which takes its client longer than the server."""

MAX_STREAMS: Final = 128
"""Long histories on their way at once. Each holds some 400 kB for as long as its client takes."""

TRACKLOG_V1: Final = ("/api/tracklog/v1",)

M = TypeVar("M", bound=Message)
Answer = Callable[[M], Awaitable[bytes]]
Pieces = Callable[[M], AsyncIterator[bytes]]
Concerns = Callable[[M], Iterable[str]]
"""The ordering units whose events can change the answer."""


def query_routes(queries: QueryService, freshness: Freshness, log: EventLogReader) -> tuple[Route, ...]:
    """Every route that reads what was tracked, the history of events, and what the server says of itself."""
    doors = _Doors(freshness)
    answer, stream = doors.answer, doors.stream
    return (
        _read("GET", "experiments/get", answer(GetExperiment, queries.get_experiment, _experiments)),
        _read(
            "GET",
            "experiments/get-by-name",
            answer(GetExperimentByName, queries.get_experiment_by_name, _experiments),
        ),
        _read("GET", "experiments/search", answer(SearchExperiments, queries.search_experiments)),
        _read("POST", "experiments/search", answer(SearchExperiments, queries.search_experiments)),
        _read(
            "POST",
            "experiments/search-datasets",
            answer(SearchDatasets, queries.search_datasets),
            prefixes=V2_AJAX_ONLY,
        ),
        _read("GET", "runs/get", answer(GetRun, queries.get_run, _run_and_experiments)),
        _read("POST", "runs/search", answer(SearchRuns, queries.search_runs)),
        _read(
            "GET",
            "metrics/get-history",
            stream(GetMetricHistory, queries.metric_history, lambda wanted: [run_unit(wanted.run)]),
            limits=HISTORY_LIMITS,
        ),
        _read(
            "GET",
            "metrics/get-history-bulk",
            stream(GetMetricHistoryBulk, queries.metric_history_bulk, lambda wanted: map(run_unit, wanted.run_id)),
            prefixes=V2_AJAX_ONLY,
        ),
        _read(
            "GET",
            "metrics/get-history-bulk-interval",
            answer(
                GetMetricHistoryBulkInterval,
                queries.metric_history_bulk_interval,
                lambda wanted: map(run_unit, wanted.run_ids or ()),
            ),
        ),
        _read("GET", "logged-models/{model_id}", answer(GetLoggedModel, queries.get_logged_model)),
        _read("POST", "logged-models/search", answer(SearchLoggedModels, queries.search_logged_models)),
        _route("POST", "/graphql", NO_PREFIX, doors.graphql(GraphQL(queries)), Permission.READ),
        _route("GET", "/graphql", NO_PREFIX, _no_graphql_get, Permission.READ),
        _route("GET", "/events", TRACKLOG_V1, _events(log), Permission.ADMIN),
        *server_routes(),
    )


class _Doors:
    """Handlers that wait for the read model before they ask it."""

    def __init__(self, freshness: Freshness) -> None:
        self._freshness = freshness
        self._streams = 0

    async def catch_up(self, request: web.Request, ordering_units: Iterable[str] | None = None) -> None:
        """Have the read model pass every event there is of the ordering units; where it does not, the answer says so.

        None: of all of them.
        """
        behind = await self._freshness.caught_up(ordering_units)
        if behind is not None:
            request[BEHIND] = behind

    def answer(self, message_type: type[M], answer: Answer[M], concerns: Concerns[M] | None = None) -> Handler:
        """Handle a request of `message_type` with the body that `answer` makes of what it `concerns`."""

        async def handle(request: web.Request) -> web.StreamResponse:
            message = await read_message(request, message_type)
            await self.catch_up(request, None if concerns is None else concerns(message))
            return _json(await answer(message))

        return handle

    def stream(self, message_type: type[M], pieces: Pieces[M], concerns: Concerns[M]) -> Handler:
        """Handle a request of `message_type` with the pieces of a body that may be too long to keep."""

        async def handle(request: web.Request) -> web.StreamResponse:
            message = await read_message(request, message_type)
            await self.catch_up(request, concerns(message))
            return await self._in_pieces(request, pieces(message))

        return handle

    async def _in_pieces(self, request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
        """One piece is answered as it is; more are sent as they come, as fast as the client takes them."""
        first = await anext(pieces)
        second = await anext(pieces, None)
        if second is None:
            return _json(first)
        if self._streams >= MAX_STREAMS:
            raise RequestLimitExceeded(f"{MAX_STREAMS} long histories are on their way; try again.")
        self._streams += 1
        try:
            return await _sent(request, first, second, pieces)
        finally:
            self._streams -= 1

    def graphql(self, graphql: GraphQL) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await graphql_request(request)
            await self.catch_up(request)
            return _json(await graphql.answer(asked))

        return handle


def run_unit(run_id: str) -> str:
    """The ordering unit of a run's own events."""
    return ordering_unit_of(f"run/{run_id}")


def _run_and_experiments(wanted: GetRun) -> Iterable[str]:
    """A run is deleted with its experiment."""
    return run_unit(wanted.run), EXPERIMENTS_ORDERING_UNIT


def _experiments(_wanted: Message) -> Iterable[str]:
    return (EXPERIMENTS_ORDERING_UNIT,)


def _events(log: EventLogReader) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return _json(await events_json(log, await read_message(request, ReadEvents)))

    return handle


async def _no_graphql_get(_request: web.Request) -> web.StreamResponse:
    raise BadRequest("GraphQL is asked by POST.")


async def _sent(request: web.Request, first: bytes, second: bytes, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """A body of unknown length."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        await response.prepare(request)
        await response.write(first)
        await response.write(second)
        async for piece in pieces:
            await response.write(piece)
            # A client that takes everything at once never makes `write` wait, and others want their turn.
            await asyncio.sleep(0)
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client left in the middle, and there is nobody to tell
    return response


def _json(body: bytes) -> web.Response:
    return JsonAnswer(body)


def _read(
    method: str, path: str, handler: Handler, *, prefixes: tuple[str, ...] = V2, limits: Limits = READ_LIMITS
) -> Route:
    return _route(method, f"/mlflow/{path}", prefixes, handler, Permission.READ, limits=limits)


def _route(
    method: str,
    path: str,
    prefixes: tuple[str, ...],
    handler: Handler,
    permission: Permission,
    limits: Limits = READ_LIMITS,
) -> Route:
    return Route(
        method=method,
        path=path,
        prefixes=prefixes,
        handler=handler,
        kind=Kind.READ,
        permission=permission,
        limits=limits,
    )
