"""The page's GraphQL: the tracking queries of MLflow's schema, answered from the same JSON as the REST routes.

Differences from REST that clients rely on: 64-bit integers are text, NaN is null, a field without a value is the empty
value of its type, errors are plain text in an answer of status 200.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    KnownDirectivesRule,
    build_schema,
    execute,
    parse,
    specified_rules,
    validate,
)

from query_api.graphql.fields import QueryContext, field_value, resolve_fields
from query_api.graphql.limits import limits_exceeded
from query_api.metrics.intervals import MetricIntervals
from query_api.port import ListArtifactsOfRun, ReadModel
from schemas.errors import InvalidParameterValue, Retryable, TracklogError
from schemas.rest.access import Asking

_MAX_TOKENS: Final = 20_000

# A page may bring directives that its version of the schema knows and this one does not; none changes an answer.
_RULES: Final = tuple(rule for rule in specified_rules if rule is not KnownDirectivesRule)


class GraphQLEngine:
    """Parses, checks and executes queries."""

    def __init__(
        self, read_model: ReadModel, intervals: MetricIntervals, list_artifacts: ListArtifactsOfRun | None = None
    ) -> None:
        self._schema = _schema()
        resolve_fields(self._schema, read_model, intervals, list_artifacts)

    async def answer(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        home: asyncio.AbstractEventLoop,
        asking: Asking | None = None,
    ) -> bytes:
        """`{"data":…,"errors":null | ["…"]}`; `home` is the event loop in which data may be read.

        What `asking` may not read is null.

        Raises InvalidParameterValue for a query that cannot be parsed, and every error that is Retryable.
        """
        document = _parsed(query)
        # The limits first: checking a document may take the square of its size.
        faults = limits_exceeded(document) or validate(self._schema, document, _RULES)
        if faults:
            return orjson.dumps({"data": None, "errors": [str(fault.message) for fault in faults]})
        running = execute(
            self._schema,
            document,
            variable_values=dict(variables or {}),
            operation_name=operation_name,
            field_resolver=field_value,
            context_value=QueryContext(home, asking),
        )
        result = running if isinstance(running, ExecutionResult) else await running
        return orjson.dumps({"data": result.data, "errors": _error_texts(result.errors or []) or None})


def _parsed(query: str) -> DocumentNode:
    try:
        return parse(query, no_location=True, max_tokens=_MAX_TOKENS)
    except GraphQLSyntaxError as error:
        raise InvalidParameterValue(f"The GraphQL query cannot be parsed: {error.message}") from error
    except RecursionError as error:
        raise InvalidParameterValue("The GraphQL query is nested too deeply.") from error


def _error_texts(errors: list[GraphQLError]) -> list[str]:
    """The errors as text. One that may be retried, and one that is not expected, is raised instead."""
    for error in errors:
        cause = error.original_error
        if isinstance(cause, Retryable) or not isinstance(cause, TracklogError | GraphQLError | None):
            raise cause
    return [error.message for error in errors]


def _schema() -> GraphQLSchema:
    schema = build_schema(Path(__file__).with_name("tracking.graphql").read_text(encoding="utf-8"))
    schema.type_map["LongString"].serialize = str  # type: ignore[attr-defined]
    return schema
