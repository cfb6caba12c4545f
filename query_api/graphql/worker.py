"""Where GraphQL queries are worked on: in threads, by an engine that is loaded when the first query comes."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from query_api.metrics.intervals import MetricIntervals
from query_api.port import ListArtifactsOfRun, ReadModel
from schemas.rest.access import Asking

if TYPE_CHECKING:
    from query_api.graphql.engine import GraphQLEngine

MAX_QUERIES: Final = 2
"""Being parsed, checked or executed at once; all of it is Python, so more would not be done sooner."""


class GraphQLWorker:
    """Answers queries. The library takes four megabytes that a server without a page never needs.

    Queries are worked on in threads, because that takes a hundred milliseconds for the largest, and seconds for the
    largest answers. The data they ask for is read in the event loop that they came from.
    """

    def __init__(
        self, read_model: ReadModel, intervals: MetricIntervals, list_artifacts: ListArtifactsOfRun | None = None
    ) -> None:
        self._read_model = read_model
        self._intervals = intervals
        self._list_artifacts = list_artifacts
        self._loading = asyncio.Lock()
        self._engine: GraphQLEngine | None = None
        self._threads = ThreadPoolExecutor(MAX_QUERIES, "graphql")

    async def answer(
        self, query: str, variables: Mapping[str, Any] | None, operation_name: str | None, asking: Asking | None = None
    ) -> bytes:
        """`{"data":…,"errors":…}`, of what `asking` may read.

        Raises InvalidParameterValue for a query that cannot be parsed, and every error that is Retryable.
        """
        async with self._loading:
            if self._engine is None:
                self._engine = await asyncio.to_thread(_load, self._read_model, self._intervals, self._list_artifacts)
        home = asyncio.get_running_loop()
        work = (self._engine, query, variables, operation_name, home, asking)
        return await home.run_in_executor(self._threads, _answer, *work)


def _answer(
    engine: "GraphQLEngine",
    query: str,
    variables: Mapping[str, Any] | None,
    operation_name: str | None,
    home: asyncio.AbstractEventLoop,
    asking: Asking | None,
) -> bytes:
    return asyncio.run(engine.answer(query, variables, operation_name, home, asking))


def _load(
    read_model: ReadModel, intervals: MetricIntervals, list_artifacts: ListArtifactsOfRun | None
) -> "GraphQLEngine":
    from query_api.graphql.engine import GraphQLEngine

    return GraphQLEngine(read_model, intervals, list_artifacts)
