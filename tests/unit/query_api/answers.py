"""What a client reads out of the pages of a search."""

from typing import Any

import orjson

from query_api.experiments.search import search_experiments
from query_api.logged_models.search import search_logged_models
from query_api.model_versions.search import search_model_versions
from query_api.registered_models.search import search_registered_models
from query_api.runs.search.search import search_runs
from schemas.messages.experiments import SearchExperiments
from schemas.messages.logged_models import SearchLoggedModels
from schemas.messages.model_versions import SearchModelVersions
from schemas.messages.registered_models import SearchRegisteredModels
from schemas.messages.runs import SearchRuns
from tests.unit.query_api.sqlite_rows import SqliteRows


async def run_page(rows: SqliteRows, **request: Any) -> tuple[list[str], str]:
    """The ids of the runs on one page, and the token of the next, empty when there is none."""
    body = orjson.loads(await search_runs(rows, SearchRuns(**{"experiment_ids": ["1"]} | request)))
    return [run["info"]["run_id"] for run in body.get("runs", [])], body.get("next_page_token", "")


async def run_ids(rows: SqliteRows, filter: str = "", order_by: list[str] | None = None, **request: Any) -> list[str]:  # noqa: A002
    """The ids of all runs found, page by page."""
    found, token = await run_page(rows, filter=filter, order_by=order_by or [], **request)
    while token:
        more, token = await run_page(rows, filter=filter, order_by=order_by or [], page_token=token, **request)
        found += more
    return found


async def experiment_ids(rows: SqliteRows, **request: Any) -> list[str]:
    """The ids of all experiments found, page by page."""
    found: list[str] = []
    token = ""
    while True:
        message = SearchExperiments(**{"max_results": 1000} | request, page_token=token)
        body = orjson.loads(await search_experiments(rows, message))
        found += [experiment["experiment_id"] for experiment in body.get("experiments", [])]
        if not (token := body.get("next_page_token", "")):
            return found


async def model_ids(rows: SqliteRows, **request: Any) -> list[str]:
    """The ids of all logged models found, page by page."""
    found: list[str] = []
    token = ""
    while True:
        message = SearchLoggedModels(**{"experiment_ids": ["1"]} | request, page_token=token)
        body = orjson.loads(await search_logged_models(rows, message))
        found += [model["info"]["model_id"] for model in body.get("models", [])]
        if not (token := body.get("next_page_token", "")):
            return found


async def model_names(rows: SqliteRows, **request: Any) -> list[str]:
    """The names of all registered models found, page by page."""
    found: list[str] = []
    token = ""
    while True:
        message = SearchRegisteredModels(**request, page_token=token)
        body = orjson.loads(await search_registered_models(rows, message))
        found += [model["name"] for model in body.get("registered_models", [])]
        if not (token := body.get("next_page_token", "")):
            return found


async def version_references(rows: SqliteRows, **request: Any) -> list[str]:
    """All model versions found, page by page, as `<name>/<number>`."""
    found: list[str] = []
    token = ""
    while True:
        message = SearchModelVersions(**request, page_token=token)
        body = orjson.loads(await search_model_versions(rows, message))
        found += [f"{version['name']}/{version['version']}" for version in body.get("model_versions", [])]
        if not (token := body.get("next_page_token", "")):
            return found
