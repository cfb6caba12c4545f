"""The routes of GraphQL, and the body of a request."""

from typing import Any

import msgspec
from aiohttp import web

from query_api.freshness import Freshness
from query_api.graphql.worker import GraphQLWorker
from query_api.metrics.intervals import MetricIntervals
from query_api.port import ListArtifactsOfRun
from query_api.reads import Reads
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.rest.access import ASKING
from schemas.rest.body import read_body
from schemas.rest.decode import wrong_content_type
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import NO_PREFIX, READ_LIMITS, Handler, Kind, Permission, Route


class GraphQLRequest(msgspec.Struct, rename="camel", kw_only=True):
    """What a GraphQL client posts."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(GraphQLRequest)


def graphql_routes(
    reads: Reads, intervals: MetricIntervals, list_artifacts: ListArtifactsOfRun | None = None
) -> tuple[Route, ...]:
    worker = GraphQLWorker(reads.read_model, intervals, list_artifacts)
    return (
        _route("POST", _answer_query(worker, reads.freshness), Permission.SEEN),
        _route("GET", _refuse_get, Permission.AUTHENTICATED),
    )


def _answer_query(worker: GraphQLWorker, freshness: Freshness) -> Handler:
    async def handle_graphql(request: web.Request) -> web.StreamResponse:
        asked = await _read_request(request)
        behind = await freshness.caught_up()
        if behind is not None:
            request[BEHIND] = behind
        asking = request.get(ASKING)
        answer = await worker.answer(asked.query, asked.variables, asked.operation_name, asking)
        if asking is not None:
            asking.is_decided = True  # each field was judged by its own rule, and one that is not there needs none
        return JsonAnswer(answer)

    return handle_graphql


async def _refuse_get(_request: web.Request) -> web.StreamResponse:
    raise BadRequest("GraphQL is asked by POST.")


async def _read_request(request: web.Request) -> GraphQLRequest:
    """The query a request brings.

    Raises InvalidParameterValue, RequestTooLarge or UnsupportedEncoding.
    """
    if request.content_type != "application/json":
        raise wrong_content_type(request)
    try:
        asked: GraphQLRequest = _decoder.decode(await read_body(request))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameterValue(f"The request body is not a GraphQL request: {error}") from error
    return asked


def _route(method: str, handler: Handler, permission: Permission) -> Route:
    return Route(
        method=method,
        path="/graphql",
        prefixes=NO_PREFIX,
        handler=handler,
        kind=Kind.READ,
        permission=permission,
        limits=READ_LIMITS,
    )
