"""The body of a GraphQL request, and the engine that is loaded when the first one comes."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from query_api.service import QueryService
from schemas.errors import InvalidParameterValue
from schemas.rest.body import read_body
from schemas.rest.decode import wrong_content_type

if TYPE_CHECKING:
    from query_api.graphql_engine import GraphQLEngine


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


class GraphQL:
    """Answers queries over `queries`. Its library takes four megabytes that a server without a page never needs."""

    def __init__(self, queries: QueryService) -> None:
        self._queries = queries
        self._loading = asyncio.Lock()
        self._engine: GraphQLEngine | None = None

    async def answer(self, asked: GraphQLRequest) -> bytes:
        """`{"data":…,"errors":…}`.

        Raises InvalidParameterValue for a query that cannot be parsed, and whatever is Retryable.
        """
        async with self._loading:
            if self._engine is None:
                self._engine = await asyncio.to_thread(_load, self._queries)
        return await self._engine.answer(asked.query, asked.variables, asked.operation_name)


def _load(queries: QueryService) -> "GraphQLEngine":
    from query_api.graphql_engine import GraphQLEngine

    return GraphQLEngine(queries)
