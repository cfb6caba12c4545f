"""The fields of MLflow's GraphQL schema that are read: each root field is the JSON of a REST route."""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson
from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_named_type,
    is_list_type,
    is_object_type,
)

from query_api.datasets.search import search_datasets
from query_api.experiments.document import get_experiment
from query_api.metrics.intervals import MetricIntervals
from query_api.model_versions.search import search_model_versions
from query_api.port import ListArtifactsOfRun, ReadModel
from query_api.reads import Answer
from query_api.runs.document import get_run
from query_api.runs.search.search import search_runs
from query_api.seen import seen_by
from schemas.errors import NotImplementedYet, PermissionDenied
from schemas.messages.artifacts import ListArtifacts
from schemas.messages.experiments import GetExperiment, SearchDatasets
from schemas.messages.message import Message
from schemas.messages.metrics import GetMetricHistoryBulkInterval
from schemas.messages.model_versions import SearchModelVersions
from schemas.messages.runs import GetRun, SearchRuns
from schemas.rest.access import Asking, Rule
from schemas.rest.decode import decode_body
from schemas.rest.rules import READ_EXPERIMENT, READ_EXPERIMENTS, READ_RUN, READ_RUNS

_EMPTY: Final[Mapping[str, Any]] = {"String": "", "LongString": "0", "Float": 0.0, "Int": 0, "Boolean": False}
"""What a field that is not set is answered with, by its type."""

_RUNS_AT_ONCE: Final = 200
"""Of which the model versions are read by one filter."""

Json = dict[str, Any]


@dataclass(slots=True)
class QueryContext:
    """What belongs to one query."""

    home: asyncio.AbstractEventLoop
    """The event loop in which data may be read."""
    asking: Asking | None
    """Who may not read everything; None for somebody who may."""
    experiments: dict[str, asyncio.Task[Json]] = field(default_factory=dict)
    """Those that were asked for, by id."""
    runs_with_versions: dict[str, None] = field(default_factory=dict)
    """The ids of those that model versions are to be read of next, in order."""
    versions_of_runs: asyncio.Task[dict[str, list[Json]]] | None = None


@dataclass(frozen=True, slots=True)
class AnsweredField:
    """A root field whose value is the answer to the message in its argument `input`, under the rules of a REST body.

    `rule` is that of the REST route; of a search there is none.
    """

    read_model: ReadModel
    message_type: type[Message]
    answer: Answer[Any]
    rule: Rule = ()

    async def __call__(self, _root: None, info: GraphQLResolveInfo, **arguments: Any) -> Json | None:
        fields = {_snake(name): value for name, value in (arguments.get("input") or {}).items()}
        message = decode_body(orjson.dumps(fields), self.message_type)
        try:
            return await _read(info, self._answered(info.context.asking, message))
        except PermissionDenied:
            return None  # as MLflow answers it

    async def _answered(self, asking: Asking | None, message: Message) -> bytes:
        if asking is not None:
            await asking.allow_by(self.rule, message)
        return await self.answer(await _seen(self.read_model, asking), message)


@dataclass(frozen=True, slots=True)
class ArtifactListing:
    """The answer of artifacts/list, where this process passes artifacts."""

    list_artifacts: ListArtifactsOfRun | None

    async def __call__(self, _read_model: ReadModel, message: ListArtifacts) -> bytes:
        if self.list_artifacts is None:
            raise NotImplementedYet("This process passes no artifacts; artifacts/list has them.")
        return await self.list_artifacts(message)


def resolve_fields(
    schema: GraphQLSchema,
    read_model: ReadModel,
    intervals: MetricIntervals,
    list_artifacts: ListArtifactsOfRun | None,
) -> None:
    """Have each field of the schema that reads something do so."""
    runs = AnsweredField(read_model, SearchRuns, search_runs)
    for type_name, field_name, resolver in (
        ("Query", "mlflowGetExperiment", AnsweredField(read_model, GetExperiment, get_experiment, READ_EXPERIMENT)),
        ("Query", "mlflowGetRun", AnsweredField(read_model, GetRun, get_run, READ_RUN)),
        ("Query", "mlflowSearchRuns", runs),
        (
            "Query",
            "mlflowGetMetricHistoryBulkInterval",
            AnsweredField(read_model, GetMetricHistoryBulkInterval, intervals.get, READ_RUNS),
        ),
        (
            "Query",
            "mlflowSearchModelVersions",
            AnsweredField(read_model, SearchModelVersions, search_model_versions),
        ),
        (
            "Query",
            "mlflowListArtifacts",
            AnsweredField(read_model, ListArtifacts, ArtifactListing(list_artifacts), READ_RUN),
        ),
        ("Mutation", "mlflowSearchRuns", runs),
        (
            "Mutation",
            "mlflowSearchDatasets",
            AnsweredField(read_model, SearchDatasets, search_datasets, READ_EXPERIMENTS),
        ),
        ("MlflowRunExtension", "experiment", ExperimentOfRun(read_model)),
        ("MlflowRunExtension", "modelVersions", ModelVersionsOfRun(read_model)),
    ):
        owner = schema.type_map[type_name]
        assert isinstance(owner, GraphQLObjectType)
        owner.fields[field_name].resolve = resolver


@dataclass(frozen=True, slots=True)
class ExperimentOfRun:
    """The experiment of a run, read once for all runs of it in a query."""

    read_model: ReadModel

    async def __call__(self, run: Json, info: GraphQLResolveInfo) -> Json:
        experiment_id = run["info"]["experiment_id"]
        known: dict[str, asyncio.Task[Json]] = info.context.experiments
        if experiment_id not in known:
            question = get_experiment(self.read_model, GetExperiment(experiment_id=experiment_id))
            known[experiment_id] = asyncio.ensure_future(_read(info, question))
        found = await known[experiment_id]
        experiment: Json = found["experiment"]
        return experiment


@dataclass(frozen=True, slots=True)
class ModelVersionsOfRun:
    """The versions of registered models that come from a run, read for all runs of a query together."""

    read_model: ReadModel

    async def __call__(self, run: Json, info: GraphQLResolveInfo) -> list[Json]:
        context: QueryContext = info.context
        context.runs_with_versions[run["info"]["run_id"]] = None
        if context.versions_of_runs is None:
            context.versions_of_runs = asyncio.ensure_future(self._of_all(info))
        return (await context.versions_of_runs).get(run["info"]["run_id"], [])

    async def _of_all(self, info: GraphQLResolveInfo) -> dict[str, list[Json]]:
        """The versions of every run that was asked for, when no more runs come."""
        context: QueryContext = info.context
        await asyncio.sleep(0)  # the other runs of the same list ask before this goes on
        run_ids = list(context.runs_with_versions)
        context.runs_with_versions, context.versions_of_runs = {}, None
        found: dict[str, list[Json]] = {}
        for start in range(0, len(run_ids), _RUNS_AT_ONCE):
            listed = ", ".join(f"'{run_id}'" for run_id in run_ids[start : start + _RUNS_AT_ONCE])
            message = SearchModelVersions(filter=f"run_id IN ({listed})")
            while True:
                page = await _read(info, self._page(info.context.asking, message))
                for version in page.get("model_versions", ()):
                    found.setdefault(version["run_id"], []).append(version)
                if "next_page_token" not in page:
                    break
                message.page_token = page["next_page_token"]
        return found

    async def _page(self, asking: Asking | None, message: SearchModelVersions) -> bytes:
        return await search_model_versions(await _seen(self.read_model, asking), message)


async def _seen(read_model: ReadModel, asking: Asking | None) -> ReadModel:
    return seen_by(read_model, None if asking is None else await asking.sight())


def field_value(source: Json, info: GraphQLResolveInfo, **_arguments: Any) -> Any:
    """A field of an object, by its REST name."""
    value = source.get(_snake(info.field_name))
    if value is None:
        return _unset(info.return_type)
    if value == "NaN" and get_named_type(info.return_type).name == "Float":
        return None
    return value


async def _read(info: GraphQLResolveInfo, question: Coroutine[Any, Any, bytes]) -> Json:
    """The answer to a question, which is asked in the event loop that the query came from."""
    body = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, info.context.home))
    document: Json = orjson.loads(body)
    return document


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
