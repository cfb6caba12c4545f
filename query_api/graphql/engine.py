"""The page's GraphQL: the tracking queries of MLflow's schema, answered from the same JSON as the REST routes.

Differences from REST that clients rely on: 64-bit integers are text, NaN is null, a field without a value is the empty
value of its type, errors are plain text in an answer of status 200.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    KnownDirectivesRule,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    execute,
    get_named_type,
    is_list_type,
    is_object_type,
    parse,
    specified_rules,
    validate,
)

from query_api.service import QueryService
from schemas.errors import InvalidParameterValue, Retryable, TracklogError
from schemas.messages.experiments import GetExperiment, SearchDatasets
from schemas.messages.message import Message
from schemas.messages.metrics import GetMetricHistoryBulkInterval
from schemas.messages.runs import GetRun, SearchRuns
from schemas.rest.decode import decode_body

MAX_ROOT_FIELDS: Final = 10
MAX_DEPTH: Final = 10
MAX_SELECTIONS: Final = 1000
"""MLflow's limits, fragments counted where they are used."""

_MAX_TOKENS: Final = 20_000
_EMPTY: Final[Mapping[str, Any]] = {"String": "", "LongString": "0", "Float": 0.0, "Int": 0, "Boolean": False}
"""What a field that is not set is answered with, by its type."""

# A page may bring directives that its version of the schema knows and this one does not; none changes an answer.
_RULES: Final = tuple(rule for rule in specified_rules if rule is not KnownDirectivesRule)

M = TypeVar("M", bound=Message)
Json = dict[str, Any]


@dataclass(slots=True)
class _Context:
    """Of one query."""

    home: asyncio.AbstractEventLoop
    experiments: dict[str, asyncio.Task[Json]] = field(default_factory=dict)
    """Those that were asked for, by id."""


class GraphQLEngine:
    """Parses, checks and executes queries."""

    def __init__(self, queries: QueryService) -> None:
        self._schema = _schema(queries)

    async def answer(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        home: asyncio.AbstractEventLoop,
    ) -> bytes:
        """`{"data":…,"errors":null | ["…"]}`; `home` is the event loop in which data may be asked for.

        Raises InvalidParameterValue for a query that cannot be parsed, and whatever is Retryable.
        """
        document = _parsed(query)
        errors = [str(error.message) for error in self._refusals(document)]
        if errors:
            return orjson.dumps({"data": None, "errors": errors})
        running = execute(
            self._schema,
            document,
            variable_values=dict(variables or {}),
            operation_name=operation_name,
            field_resolver=_field,
            context_value=_Context(home),
        )
        result = running if isinstance(running, ExecutionResult) else await running
        return orjson.dumps({"data": result.data, "errors": _told(result.errors or []) or None})

    def _refusals(self, document: DocumentNode) -> list[GraphQLError]:
        # The limits first: checking a document may take the square of its size.
        return _excesses(document) or validate(self._schema, document, _RULES)


def _parsed(query: str) -> DocumentNode:
    try:
        return parse(query, no_location=True, max_tokens=_MAX_TOKENS)
    except GraphQLSyntaxError as error:
        raise InvalidParameterValue(f"The GraphQL query cannot be parsed: {error.message}") from error
    except RecursionError as error:
        raise InvalidParameterValue("The GraphQL query is nested too deeply.") from error


def _told(errors: list[GraphQLError]) -> list[str]:
    """The errors as text; what may be retried, and what nobody foresaw, is no part of an answer."""
    for error in errors:
        cause = error.original_error
        if isinstance(cause, Retryable) or not isinstance(cause, TracklogError | GraphQLError | None):
            raise cause
    return [error.message for error in errors]


# --- limits ---------------------------------------------------------------------------------------------------------


def _excesses(document: DocumentNode) -> list[GraphQLError]:
    """What of a document is more than MLflow takes, found in time bounded by the limits themselves."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if any(len(operation.selection_set.selections) > MAX_ROOT_FIELDS for operation in operations):
        return [GraphQLError(f"A query may have {MAX_ROOT_FIELDS} root fields at most.")]
    selections = 0
    waiting: list[tuple[SelectionSetNode, int]] = [(operation.selection_set, 1) for operation in operations]
    while waiting:
        selection_set, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return [GraphQLError(f"A query may be {MAX_DEPTH} fields deep at most.")]
        selections += len(selection_set.selections)
        if selections > MAX_SELECTIONS:
            return [GraphQLError(f"A query may have {MAX_SELECTIONS} selections at most.")]
        for node in selection_set.selections:
            if isinstance(node, FragmentSpreadNode):
                fragment = fragments.get(node.name.value)
                if fragment is not None:
                    waiting.append((fragment.selection_set, depth))
            elif isinstance(node, FieldNode):
                if node.selection_set is not None:
                    waiting.append((node.selection_set, depth + 1))
            elif isinstance(node, InlineFragmentNode):
                waiting.append((node.selection_set, depth))
    return []


# --- schema and resolvers -------------------------------------------------------------------------------------------


def _schema(queries: QueryService) -> GraphQLSchema:
    schema = build_schema(Path(__file__).with_name("tracking.graphql").read_text(encoding="utf-8"))
    _type(schema, "LongString").serialize = str  # type: ignore[attr-defined]
    resolvers = _Resolvers(queries)
    _resolve(schema, "Query", "mlflowGetExperiment", resolvers.get_experiment)
    _resolve(schema, "Query", "mlflowGetRun", resolvers.get_run)
    _resolve(schema, "Query", "mlflowSearchRuns", resolvers.search_runs)
    _resolve(schema, "Query", "mlflowGetMetricHistoryBulkInterval", resolvers.metric_history)
    _resolve(schema, "Query", "mlflowSearchModelVersions", resolvers.search_model_versions)
    _resolve(schema, "Mutation", "mlflowSearchRuns", resolvers.search_runs)
    _resolve(schema, "Mutation", "mlflowSearchDatasets", resolvers.search_datasets)
    _resolve(schema, "MlflowRunExtension", "experiment", resolvers.experiment_of_run)
    return schema


def _type(schema: GraphQLSchema, name: str) -> GraphQLNamedType:
    return schema.type_map[name]


def _resolve(schema: GraphQLSchema, type_name: str, field_name: str, resolver: Callable[..., Awaitable[Json]]) -> None:
    owner = _type(schema, type_name)
    assert isinstance(owner, GraphQLObjectType)
    field: GraphQLField = owner.fields[field_name]
    field.resolve = resolver


class _Resolvers:
    """Root fields as the JSON of their REST routes."""

    def __init__(self, queries: QueryService) -> None:
        self._queries = queries

    async def get_experiment(self, _root: None, info: GraphQLResolveInfo, **arguments: Any) -> Json:
        return await _asked(info, self._queries.get_experiment(_message(GetExperiment, arguments)))

    async def get_run(self, _root: None, info: GraphQLResolveInfo, **arguments: Any) -> Json:
        return await _asked(info, self._queries.get_run(_message(GetRun, arguments)))

    async def search_runs(self, _root: None, info: GraphQLResolveInfo, **arguments: Any) -> Json:
        return await _asked(info, self._queries.search_runs(_message(SearchRuns, arguments)))

    async def search_datasets(self, _root: None, info: GraphQLResolveInfo, **arguments: Any) -> Json:
        return await _asked(info, self._queries.search_datasets(_message(SearchDatasets, arguments)))

    async def metric_history(self, _root: None, info: GraphQLResolveInfo, **arguments: Any) -> Json:
        wanted = _message(GetMetricHistoryBulkInterval, arguments)
        return await _asked(info, self._queries.metric_history_bulk_interval(wanted))

    async def search_model_versions(self, _root: None, _info: GraphQLResolveInfo, **_arguments: Any) -> Json:
        return {}  # there is no model registry yet, and so no version of any model

    async def experiment_of_run(self, run: Json, info: GraphQLResolveInfo) -> Json:
        """Asked once for all runs of one experiment in a query."""
        experiment_id = run["info"]["experiment_id"]
        known: dict[str, asyncio.Task[Json]] = info.context.experiments
        if experiment_id not in known:
            question = self._queries.get_experiment(GetExperiment(experiment_id=experiment_id))
            known[experiment_id] = asyncio.ensure_future(_asked(info, question))
        found = await known[experiment_id]
        experiment: Json = found["experiment"]
        return experiment


async def _asked(info: GraphQLResolveInfo, question: Coroutine[Any, Any, bytes]) -> Json:
    """The answer to a question that must be asked in the event loop the query came from."""
    return _json(await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, info.context.home)))


def _message(message_type: type[M], arguments: Json) -> M:
    """The request in argument `input`, under the same rules as a REST body."""
    fields = {_snake(name): value for name, value in (arguments.get("input") or {}).items()}
    return decode_body(orjson.dumps(fields), message_type)


def _json(body: bytes) -> Json:
    document: Json = orjson.loads(body)
    return document


def _field(source: Json, info: GraphQLResolveInfo, **_arguments: Any) -> Any:
    """A field by its REST name."""
    value = source.get(_snake(info.field_name))
    if value is None:
        return _unset(info.return_type)
    if value == "NaN" and get_named_type(info.return_type).name == "Float":
        return None
    return value


def _unset(wanted: GraphQLOutputType) -> Any:
    if isinstance(wanted, GraphQLNonNull):
        wanted = wanted.of_type
    if is_list_type(wanted):
        return []
    name = get_named_type(wanted).name
    if is_object_type(wanted):
        return None if name == "ApiError" else {}
    return _EMPTY.get(name)


@lru_cache(maxsize=1024)
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda letter: "_" + letter[1].lower(), name)
