"""The body of a GraphQL request, and the engine that is loaded when the first one comes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from query_api.service import QueryService
from schemas.errors import InvalidParameterValue
from schemas.rest.body import read_body
from schemas.rest.decode import wrong_content_type

if TYPE_CHECKING:
    from query_api.graphql.engine import GraphQLEngine


class GraphQLRequest(msgspec.Struct, rename="camel", kw_only=True):
    """What a GraphQL client posts."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(GraphQLRequest)


async def graphql_request(request: web.Request) -> GraphQLRequest:
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


MAX_QUERIES: Final = 2
"""Being parsed, checked or executed at once; all of it is Python, so more would not be done sooner."""


class GraphQL:
    """Answers queries over `queries`. Its library takes four megabytes that a server without a page never needs.

    Queries are worked on in threads, because that takes a hundred milliseconds for the largest, and seconds for the
    largest answers. What they ask for is asked for in the event loop that they came from.
    """

    def __init__(self, queries: QueryService) -> None:
        self._queries = queries
        self._loading = asyncio.Lock()
        self._engine: GraphQLEngine | None = None
        self._threads = ThreadPoolExecutor(MAX_QUERIES, "graphql")

    async def answer(self, asked: GraphQLRequest) -> bytes:
        """`{"data":…,"errors":…}`.

        Raises InvalidParameterValue for a query that cannot be parsed, and whatever is Retryable.
        """
        async with self._loading:
            if self._engine is None:
                self._engine = await asyncio.to_thread(_load, self._queries)
        home = asyncio.get_running_loop()
        return await home.run_in_executor(self._threads, _answered, self._engine, asked, home)


def _answered(engine: "GraphQLEngine", asked: GraphQLRequest, home: asyncio.AbstractEventLoop) -> bytes:
    return asyncio.run(engine.answer(asked.query, asked.variables, asked.operation_name, home))


def _load(queries: QueryService) -> "GraphQLEngine":
    from query_api.graphql.engine import GraphQLEngine

    return GraphQLEngine(queries)
