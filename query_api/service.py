"""Every question the tracking API answers from the read model, as methods from a request to the JSON of its answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar, Final

import msgspec

from query_api.datasets.search import search_datasets
from query_api.experiments.document import EXPERIMENT_BY_ID, EXPERIMENT_BY_NAME
from query_api.experiments.search import search_experiments
from query_api.logged_models.document import LOGGED_MODEL_BY_ID, LOGGED_MODEL_OR_DELETED_BY_ID
from query_api.logged_models.search import search_logged_models
from query_api.metrics.document import points_of_run_json
from query_api.metrics.history import bulk_history_json, history_json
from query_api.metrics.history_order import Ordered
from query_api.metrics.sampling import StepRange, sample
from query_api.metrics.stored_series import find_series
from query_api.port import ReadModel
from query_api.runs.document import RUN_BY_ID
from query_api.runs.search.search import search_runs
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.bounds import Key, RunIds
from schemas.messages.experiments import (
    GetExperiment,
    GetExperimentByName,
    SearchDatasets,
    SearchExperiments,
    experiment_id_of,
)
from schemas.messages.logged_models import GetLoggedModel, SearchLoggedModels
from schemas.messages.message import Int32, Message, Required
from schemas.messages.metrics import GetMetricHistory, GetMetricHistoryBulkInterval
from schemas.messages.runs import GetRun, SearchRuns

MAX_BULK_RUNS: Final = 100
MAX_BULK_HISTORY_POINTS: Final = 25_000
MAX_SAMPLED_POINTS: Final = 2_500
"""MLflow's limits of get-history-bulk (points of all runs together) and get-history-bulk-interval (of each run)."""


MAX_SAMPLES_AT_ONCE: Final = 4
"""Series being sampled: each holds up to a megabyte, and more at once would not be done sooner."""


class GetMetricHistoryBulk(Message):
    """The request of the hand-written route of older pages."""

    required: ClassVar[Required] = ("metric_key",)

    run_id: RunIds = msgspec.field(default_factory=list)
    metric_key: Key = ""
    max_results: Int32 = MAX_BULK_HISTORY_POINTS


class QueryService:
    """Answers from one read model. Methods named `*_pages` answer in pieces, the others with the whole body."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._sampling = asyncio.Semaphore(MAX_SAMPLES_AT_ONCE)

    async def get_experiment(self, wanted: GetExperiment) -> bytes:
        found = await self._read_model.document(EXPERIMENT_BY_ID, experiment_id_of(wanted.experiment_id))
        if found is None:
            raise ResourceDoesNotExist(f"No Experiment with id={wanted.experiment_id} exists")
        return found

    async def get_experiment_by_name(self, wanted: GetExperimentByName) -> bytes:
        found = await self._read_model.document(EXPERIMENT_BY_NAME, wanted.experiment_name)
        if found is None:
            raise ResourceDoesNotExist(f"Could not find experiment with name '{wanted.experiment_name}'")
        return found

    async def search_experiments(self, wanted: SearchExperiments) -> bytes:
        return await search_experiments(self._read_model, wanted)

    async def search_datasets(self, wanted: SearchDatasets) -> bytes:
        return await search_datasets(self._read_model, wanted)

    async def get_run(self, wanted: GetRun) -> bytes:
        found = await self._read_model.document(RUN_BY_ID, wanted.run)
        if found is None:
            raise ResourceDoesNotExist(f"Run with id={wanted.run} not found.")
        return found

    async def search_runs(self, wanted: SearchRuns) -> bytes:
        return await search_runs(self._read_model, wanted)

    async def get_logged_model(self, wanted: GetLoggedModel) -> bytes:
        document = LOGGED_MODEL_OR_DELETED_BY_ID if wanted.allow_deleted else LOGGED_MODEL_BY_ID
        found = await self._read_model.document(document, wanted.model_id)
        if found is None:
            raise ResourceDoesNotExist(f"Logged model with ID '{wanted.model_id}' not found.")
        return found

    async def search_logged_models(self, wanted: SearchLoggedModels) -> bytes:
        return await search_logged_models(self._read_model, wanted)

    def metric_history(self, wanted: GetMetricHistory) -> AsyncIterator[bytes]:
        return history_json(
            self._read_model,
            wanted.run,
            wanted.metric_key,
            max_results=wanted.max_results,
            page_token=wanted.page_token,
        )

    def metric_history_bulk(self, wanted: GetMetricHistoryBulk) -> AsyncIterator[bytes]:
        _check_runs("run_id", wanted.run_id)
        max_results = min(wanted.max_results, MAX_BULK_HISTORY_POINTS)
        if max_results < 0:
            raise InvalidParameterValue(f"max_results must not be negative, got {wanted.max_results}.")
        return bulk_history_json(self._read_model, wanted.run_id, wanted.metric_key, max_results)

    async def metric_history_bulk_interval(self, wanted: GetMetricHistoryBulkInterval) -> bytes:
        run_ids = wanted.run_ids or []
        _check_runs("run_ids", run_ids)
        max_results = MAX_SAMPLED_POINTS if wanted.max_results is None else wanted.max_results
        if not 1 <= max_results <= MAX_SAMPLED_POINTS:
            raise InvalidParameterValue(f"max_results must be from 1 to {MAX_SAMPLED_POINTS}, got {max_results}.")
        steps = _step_range(wanted.start_step, wanted.end_step)
        sampled = [await self._sampled(run_id, wanted.metric_key, max_results, steps) for run_id in run_ids]
        metrics = b",".join(filter(None, sampled))
        return b'{"metrics":[' + metrics + b"]}" if metrics else b"{}"

    async def _sampled(self, run_id: str, key: str, max_results: int, steps: StepRange | None) -> bytes:
        async with self._sampling:
            series = await find_series(self._read_model, run_id, key)
            points = [] if series is None else await sample(self._read_model, series, max_results, steps)
        if not points:
            return b""
        rising, timestamps_ms, values = zip(*points, strict=True)
        return points_of_run_json(key, run_id, Ordered(timestamps_ms, rising, values))


def _check_runs(field: str, run_ids: list[str]) -> None:
    if not 1 <= len(run_ids) <= MAX_BULK_RUNS:
        raise InvalidParameterValue(f"{field} must name 1 to {MAX_BULK_RUNS} runs, got {len(run_ids)}.")


def _step_range(start: int | None, end: int | None) -> StepRange | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidParameterValue("start_step and end_step must be given together.")
    if start > end:
        raise InvalidParameterValue(f"end_step must not be less than start_step, got {start} to {end}.")
    return StepRange(start, end)
