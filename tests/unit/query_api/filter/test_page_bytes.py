"""A page of results that are large is shorter, and ends with a token: all of them are found, and none is an error."""

from collections.abc import Awaitable, Callable

import orjson
import pytest

from query_api.experiments.search import search_experiments
from query_api.logged_models.search import search_logged_models
from query_api.model_versions.search import search_model_versions
from query_api.port import FirstRows
from query_api.postgresql import read_model as postgresql_read_model
from query_api.registered_models.search import search_registered_models
from query_api.runs.search import postgresql as postgresql_runs
from query_api.runs.search.search import search_runs
from query_api.sqlite import read_model as sqlite_read_model
from schemas.errors import DeadlineExceeded
from schemas.messages.experiments import SearchExperiments
from schemas.messages.logged_models import SearchLoggedModels
from schemas.messages.model_versions import SearchModelVersions
from schemas.messages.registered_models import SearchRegisteredModels
from schemas.messages.runs import SearchRuns
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows

PAGE_BYTES = 50_000
LARGE = "n" * 20_000
HUGE = "n" * 120_000

Pages = list[list[str]]
Search = Callable[[int, str], Awaitable[bytes]]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sqlite_read_model, postgresql_read_model, postgresql_runs):
        monkeypatch.setattr(module, "MAX_PAGE_BYTES", PAGE_BYTES)


async def pages_of(search: Search, field: str, identity: str, max_results: int) -> Pages:
    pages: Pages = []
    token = ""
    while True:
        body = orjson.loads(await search(max_results, token))
        found = body.get(field, [])
        size = sum(len(orjson.dumps(one)) for one in found)
        assert size <= PAGE_BYTES or len(found) == 1
        pages.append([(one.get("info") or one)[identity] for one in found])
        token = body.get("next_page_token", "")
        if not token:
            return pages


def all_of(pages: Pages) -> list[str]:
    return [one for page in pages for one in page]


def fill(rows: SqliteRows, names: list[str]) -> list[str]:
    """Runs with these names, the newest first."""
    for number, name in enumerate(names):
        rows.run(f"r{number}", name=name, start_time_ms=number, metrics={"m": float(number)})
    return [f"r{number}" for number in reversed(range(len(names)))]


@pytest.mark.parametrize("order_by", [[], ["metrics.m DESC"], ["attributes.end_time", "attributes.start_time DESC"]])
@pytest.mark.parametrize("max_results", [5, 100, 1000, 50_000])
async def test_runs(make_rows: MakeRows, max_results: int, order_by: list[str]) -> None:
    rows = make_rows()
    rows.experiment(1)
    expected = fill(rows, [LARGE, "a", HUGE, LARGE, LARGE, HUGE, HUGE, "b", "c", LARGE])

    async def search(most: int, token: str) -> bytes:
        message = SearchRuns(experiment_ids=["1"], max_results=most, page_token=token, order_by=order_by)
        return await search_runs(rows, message)

    pages = await pages_of(search, "runs", "run_id", max_results)
    assert all_of(pages) == expected
    assert len(pages) > 3


async def test_runs_of_which_the_json_takes_too_long_to_make_at_once(
    make_rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(*_: object) -> FirstRows:
        raise DeadlineExceeded("The read model did not answer in time.")

    monkeypatch.setattr(postgresql_runs, "_found_at_once", too_late)
    rows = make_rows()
    rows.experiment(1)
    expected = fill(rows, [LARGE, "a", HUGE, LARGE, LARGE, HUGE])

    async def search(most: int, token: str) -> bytes:
        return await search_runs(rows, SearchRuns(experiment_ids=["1"], max_results=most, page_token=token))

    assert all_of(await pages_of(search, "runs", "run_id", 100)) == expected


async def test_a_page_of_small_runs_is_as_long_as_it_was_asked_for(make_rows: MakeRows) -> None:
    rows = make_rows()
    rows.experiment(1)
    expected = fill(rows, [f"name {number}" for number in range(60)])

    async def search(most: int, token: str) -> bytes:
        return await search_runs(rows, SearchRuns(experiment_ids=["1"], max_results=most, page_token=token))

    assert await pages_of(search, "runs", "run_id", 60) == [expected]
    assert await pages_of(search, "runs", "run_id", 1000) == [expected]
    assert list(map(len, await pages_of(search, "runs", "run_id", 25))) == [25, 25, 10]


@pytest.mark.parametrize("max_results", [3, 1000])
async def test_experiments(make_rows: MakeRows, max_results: int) -> None:
    rows = make_rows()
    for number, name in enumerate([LARGE, HUGE, "a", LARGE, LARGE, HUGE, "b"]):
        rows.experiment(number, name=f"{number}{name}", creation_time_ms=number)

    async def search(most: int, token: str) -> bytes:
        return await search_experiments(rows, SearchExperiments(max_results=most, page_token=token))

    pages = await pages_of(search, "experiments", "experiment_id", max_results)
    assert all_of(pages) == [str(number) for number in reversed(range(7))]
    assert len(pages) >= 3


@pytest.mark.parametrize("max_results", [3, 1000])
async def test_logged_models(make_rows: MakeRows, max_results: int) -> None:
    rows = make_rows()
    rows.experiment(1)
    for number, name in enumerate([LARGE, HUGE, "a", LARGE, LARGE, HUGE, "b"]):
        rows.logged_model(f"m{number}", name=name, creation_timestamp_ms=number)

    async def search(most: int, token: str) -> bytes:
        message = SearchLoggedModels(experiment_ids=["1"], max_results=most, page_token=token)
        return await search_logged_models(rows, message)

    pages = await pages_of(search, "models", "model_id", max_results)
    assert all_of(pages) == [f"m{number}" for number in reversed(range(7))]
    assert len(pages) >= 3


@pytest.mark.parametrize("max_results", [3, 1000])
async def test_registered_models_and_their_versions(make_rows: MakeRows, max_results: int) -> None:
    rows = make_rows()
    for number, description in enumerate([LARGE, HUGE, "a", LARGE, LARGE, HUGE, "b"]):
        rows.registered_model(f"m{number}", description=description)
        rows.model_version("m0", number + 1, run_id=f"r{number}", tags={"mlflow.prompt.text": description})

    async def models(most: int, token: str) -> bytes:
        return await search_registered_models(rows, SearchRegisteredModels(max_results=most, page_token=token))

    async def versions(most: int, token: str) -> bytes:
        message = SearchModelVersions(max_results=most, page_token=token, order_by=["version_number"])
        return await search_model_versions(rows, message)

    for search, results, identity in ((models, "registered_models", "name"), (versions, "model_versions", "run_id")):
        pages = await pages_of(search, results, identity, max_results)
        assert [one[1:] for one in all_of(pages)] == [str(number) for number in range(7)]
        assert len(pages) >= 3


async def test_orders_with_large_sort_values_are_walked_to_their_end(make_rows: MakeRows) -> None:
    rows = make_rows()
    rows.experiment(1)
    fill(rows, [f"{number}{LARGE}" for number in range(6)])

    async def search(most: int, token: str) -> bytes:
        message = SearchRuns(experiment_ids=["1"], max_results=most, page_token=token, order_by=["run_name"])
        return await search_runs(rows, message)

    assert all_of(await pages_of(search, "runs", "run_id", 1000)) == [f"r{number}" for number in range(6)]
