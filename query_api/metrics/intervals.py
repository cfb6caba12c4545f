"""A sample of the points of one metric of several runs, as charts ask for it."""

import asyncio
from typing import Final

from query_api.metrics.history_order import Ordered
from query_api.metrics.point_json import points_of_run_json
from query_api.metrics.sampling import StepRange, sample
from query_api.metrics.stored_series import find_series
from query_api.port import ReadModel
from schemas.errors import InvalidParameterValue
from schemas.messages.metrics import GetMetricHistoryBulkInterval

MAX_RUNS: Final = 100
MAX_SAMPLED_POINTS: Final = 2_500
"""MLflow's limits of get-history-bulk-interval; points of each run."""

MAX_SAMPLES_AT_ONCE: Final = 4
"""Series being sampled: each holds up to a megabyte, and more at once would not be done sooner."""


class MetricIntervals:
    """Samples a few series at a time, whichever route asks for them."""

    def __init__(self) -> None:
        self._sampling = asyncio.Semaphore(MAX_SAMPLES_AT_ONCE)

    async def get(self, read_model: ReadModel, wanted: GetMetricHistoryBulkInterval) -> bytes:
        """`{"metrics":[…]}`, run by run as asked; `{}` without any point. Raises InvalidParameterValue."""
        run_ids = wanted.run_ids or []
        check_runs("run_ids", run_ids)
        max_results = MAX_SAMPLED_POINTS if wanted.max_results is None else wanted.max_results
        if not 1 <= max_results <= MAX_SAMPLED_POINTS:
            raise InvalidParameterValue(f"max_results must be from 1 to {MAX_SAMPLED_POINTS}, got {max_results}.")
        steps = _step_range(wanted.start_step, wanted.end_step)
        sampled = [await self._sampled(read_model, run_id, wanted.metric_key, max_results, steps) for run_id in run_ids]
        metrics = b",".join(filter(None, sampled))
        return b'{"metrics":[' + metrics + b"]}" if metrics else b"{}"

    async def _sampled(
        self, read_model: ReadModel, run_id: str, key: str, max_results: int, steps: StepRange | None
    ) -> bytes:
        async with self._sampling:
            series = await find_series(read_model, run_id, key)
            points = [] if series is None else await sample(read_model, series, max_results, steps)
        if not points:
            return b""
        rising, timestamps_ms, values = zip(*points, strict=True)
        return points_of_run_json(key, run_id, Ordered(timestamps_ms, rising, values))


def check_runs(field: str, run_ids: list[str]) -> None:
    """Refuse to read of no run, or of more than MLflow allows. Raises InvalidParameterValue naming the field."""
    if not 1 <= len(run_ids) <= MAX_RUNS:
        raise InvalidParameterValue(f"{field} must name 1 to {MAX_RUNS} runs, got {len(run_ids)}.")


def _step_range(start: int | None, end: int | None) -> StepRange | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidParameterValue("start_step and end_step must be given together.")
    if start > end:
        raise InvalidParameterValue(f"end_step must not be less than start_step, got {start} to {end}.")
    return StepRange(start, end)
