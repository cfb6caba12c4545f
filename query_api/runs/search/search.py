"""The run search: a request to a page of JSON."""

from collections.abc import Awaitable, Callable
from typing import Final

from query_api.experiments.seen import seen_among
from query_api.filter.conditions import check_filter
from query_api.filter.pages import PageFound, checked_max_results, fingerprint, page_body, sort_values
from query_api.filter.syntax import parse_long_filter
from query_api.filter.view_types import lifecycle_stage_of
from query_api.port import ReadModel, Row
from query_api.runs.search import postgresql as postgresql_runs
from query_api.runs.search import sqlite as sqlite_runs
from query_api.runs.search.order import run_order, sort_kinds
from query_api.runs.search.run_search import RunSearch
from query_api.runs.vocabulary import RUNS
from schemas.messages.experiments import experiment_id_of
from schemas.messages.runs import SearchRuns
from schemas.rest.access import RUN

_SEARCHES: Final[dict[str, Callable[[ReadModel, RunSearch], Awaitable[PageFound]]]] = {
    "sqlite": sqlite_runs.find_runs,
    "postgresql": postgresql_runs.find_runs,
}
_NUMBERS: Final[dict[str, Callable[[ReadModel, RunSearch], Awaitable[list[Row]]]]] = {
    "sqlite": sqlite_runs.find_numbers,
    "postgresql": postgresql_runs.find_numbers,
}


async def search_runs(read_model: ReadModel, message: SearchRuns) -> bytes:
    """`{"runs": […], "next_page_token"}`, the token only when there are more; `{}` without any.

    Raises InvalidParameterValue.
    """
    max_results = checked_max_results(message.max_results)
    stage = lifecycle_stage_of(message.run_view_type)
    experiment_ids = sorted({experiment_id_of(text) for text in message.experiment_ids})
    conditions = check_filter(await parse_long_filter(message.filter), RUNS)
    order = run_order(message.order_by)
    identity = fingerprint("runs", experiment_ids, message.filter, message.order_by, stage)
    after = sort_values(message.page_token, identity, sort_kinds(order))
    experiment_ids = await seen_among(read_model, experiment_ids, RUN)
    if not experiment_ids:
        return b"{}"
    search = RunSearch(tuple(experiment_ids), conditions, order, stage, after, max_results)
    page = await _SEARCHES[read_model.dialect.name](read_model, search)
    return page_body("runs", page, identity)


async def run_numbers(read_model: ReadModel, search: RunSearch) -> list[Row]:
    """Of each run on the page, and of one more where there is one: its number, then its sort values.

    Runs beyond `search.max_results` tell only that there are more.
    """
    return await _NUMBERS[read_model.dialect.name](read_model, search)
