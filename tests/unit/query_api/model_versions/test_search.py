"""The search of model versions: filters, prompts, orders and pages."""

from typing import Any

import orjson
import pytest

from query_api.model_versions.search import search_model_versions
from query_api.registered_models import registry_search
from schemas.errors import InvalidParameterValue
from schemas.messages.model_versions import SearchModelVersions
from schemas.mlflow import IS_PROMPT_TAG
from tests.unit.query_api.answers import version_references
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows

MARKER = f"tags.`{IS_PROMPT_TAG}`"
VERSIONS = ["a/2", "m/4", "m/2", "a/1", "m/1"]
"""Those that are no prompts, the newest change first."""


@pytest.fixture
def rows(make_rows: MakeRows) -> SqliteRows:
    """Two models and a prompt. A version of the one model is marked as that of a prompt, which does not matter."""
    rows = make_rows()
    rows.registered_model("m")
    rows.model_version("m", 1, run_id="r", tags={"t": "V", "k": "x"}, creation_timestamp_ms=9)
    rows.model_version("m", 2, run_id="s", last_updated_timestamp_ms=3, tags={"t": "v", IS_PROMPT_TAG: "true"})
    rows.model_version("m", 4, last_updated_timestamp_ms=3, source="dbfs:/x", creation_timestamp_ms=2)
    rows.registered_model("a")
    rows.model_version("a", 1, aliases=["champion"])
    rows.model_version("a", 2, last_updated_timestamp_ms=5, tags={"t": "x" * 65 + "y"})
    rows.registered_model("p", tags={IS_PROMPT_TAG: "true"})
    rows.model_version("p", 1, tags={IS_PROMPT_TAG: "true", "t": "v"}, run_id="r")
    rows.model_version("p", 2, last_updated_timestamp_ms=4)
    return rows


FILTERS = [
    ("", VERSIONS),
    ("name = 'm'", ["m/4", "m/2", "m/1"]),
    ("name='p'", []),
    ("attribute.name != 'm'", ["a/2", "a/1"]),
    ("name IN ('a', 'p')", ["a/2", "a/1"]),
    ("name NOT IN ('a')", ["m/4", "m/2", "m/1"]),
    ("name LIKE 'm%'", ["m/4", "m/2", "m/1"]),
    ("name ILIKE 'M'", ["m/4", "m/2", "m/1"]),
    ("run_id = 'r'", ["m/1"]),
    ("run_id='none'", []),
    ("run_id IN ('r', 's')", ["m/2", "m/1"]),
    ("run_id != 'r'", ["a/2", "m/4", "m/2", "a/1"]),
    ("run_id LIKE '_'", ["m/2", "m/1"]),
    ("source_path = 'dbfs:/x'", ["m/4"]),
    ("source_path LIKE 's3://%'", ["a/2", "m/2", "a/1", "m/1"]),
    ("source_path ILIKE 'DBFS%'", ["m/4"]),
    ("version_number = 2", ["a/2", "m/2"]),
    ("version_number = '2'", ["a/2", "m/2"]),
    ("version_number >= 2 AND name = 'm'", ["m/4", "m/2"]),
    ("version_number != 2 AND version_number < 4", ["a/1", "m/1"]),
    ("tags.t = 'v'", ["m/2"]),
    ("tags.t = 'v' AND name LIKE 'm%'", ["m/2"]),
    ("name LIKE 'm%' AND run_id LIKE 's%'", ["m/2"]),
    ("name LIKE 'm%' AND name = 'a'", []),
    ("tags.t = 'v' AND name = 'm'", ["m/2"]),
    (f"tags.t = '{'x' * 65}'", []),
    (f"tags.t = '{'x' * 65}y'", ["a/2"]),
    (f"tag.t LIKE '{'x' * 65}%'", ["a/2"]),
    ("tags.t ILIKE 'v'", ["m/2", "m/1"]),
    ("tags.t != 'v'", ["a/2", "m/1"]),
    ("tags.t = 'V' AND tags.k = 'x'", ["m/1"]),
    ("tags.none = 'v'", []),
    ("tags.t IS NULL", ["m/4", "a/1"]),
    ("tags.t IS NOT NULL", ["a/2", "m/2", "m/1"]),
]


@pytest.mark.parametrize(("filter_text", "found"), FILTERS)
@pytest.mark.parametrize("few", [0, registry_search.FEW], ids=["tags walked", "tags looked up"])
async def test_what_a_filter_finds(
    rows: SqliteRows, monkeypatch: pytest.MonkeyPatch, filter_text: str, found: list[str], few: int
) -> None:
    monkeypatch.setattr(registry_search, "FEW", few)
    assert await version_references(rows, filter=filter_text) == found


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        (f"{MARKER} = 'true'", ["m/2", "p/1"]),
        (f"name='p' AND {MARKER} = 'true'", ["p/1"]),
        (f"{MARKER} != 'false'", ["m/2", "p/1"]),
        (f"{MARKER} = 'TRUE'", []),
        (f"{MARKER} = 'true' AND tags.t = 'v' AND run_id = 'r'", ["p/1"]),
        (f"{MARKER} = 'true' AND tags.`mlflow.prompt.run_ids` ILIKE \"%r%\"", []),
    ],
)
async def test_who_asks_for_prompts_searches_by_the_tags_of_versions(
    rows: SqliteRows, filter_text: str, found: list[str]
) -> None:
    assert await version_references(rows, filter=filter_text) == found


@pytest.mark.parametrize("test", ["!= 'true'", "= 'false'", "LIKE 'true'", "IS NULL"])
async def test_any_other_condition_on_the_tag_of_prompts_hides_them_and_says_nothing_else(
    rows: SqliteRows, test: str
) -> None:
    assert await version_references(rows, filter=f"{MARKER} {test}") == VERSIONS


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ([], VERSIONS),
        (["name"], ["a/2", "a/1", "m/4", "m/2", "m/1"]),
        (["name DESC"], ["m/4", "m/2", "m/1", "a/2", "a/1"]),
        (["version_number"], ["a/1", "m/1", "a/2", "m/2", "m/4"]),
        (["version_number DESC", "name DESC"], ["m/4", "m/2", "a/2", "m/1", "a/1"]),
        (["creation_timestamp DESC"], ["m/1", "m/4", "a/2", "a/1", "m/2"]),
        (["last_updated_timestamp"], ["a/1", "m/1", "m/4", "m/2", "a/2"]),
        (["last_updated_timestamp DESC", "version_number"], ["a/2", "m/2", "m/4", "a/1", "m/1"]),
    ],
)
@pytest.mark.parametrize("max_results", range(1, len(VERSIONS) + 2))
async def test_every_page_is_full_and_in_order(
    rows: SqliteRows, order_by: list[str], found: list[str], max_results: int
) -> None:
    pages: list[list[str]] = []
    token = ""
    while True:
        message = SearchModelVersions(order_by=order_by, max_results=max_results, page_token=token)
        body = orjson.loads(await search_model_versions(rows, message))
        pages.append([f"{one['name']}/{one['version']}" for one in body["model_versions"]])
        if not (token := body.get("next_page_token", "")):
            break
    assert [one for page in pages for one in page] == found
    assert {len(page) for page in pages[:-1]} <= {max_results}


async def test_a_version_in_a_search_has_its_tags_and_not_its_aliases(rows: SqliteRows) -> None:
    found = orjson.loads(await search_model_versions(rows, SearchModelVersions(filter="name = 'm'")))["model_versions"]
    assert found[2]["tags"] == [{"key": "k", "value": "x"}, {"key": "t", "value": "V"}]
    aliased = orjson.loads(await search_model_versions(rows, SearchModelVersions(filter="name = 'a'")))
    assert all("aliases" not in one for one in aliased["model_versions"])


@pytest.mark.parametrize(
    "request_fields",
    [
        {"max_results": -1},
        {"max_results": 0},
        {"max_results": 200_001},
        {"filter": "stage = 'None'"},
        {"order_by": ["version"]},
        {"order_by": ["name", "name"]},
        {"page_token": "x"},
    ],
)
async def test_what_is_refused(rows: SqliteRows, request_fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        await search_model_versions(rows, SearchModelVersions(**request_fields))


async def test_the_largest_request_is_no_difficulty(rows: SqliteRows) -> None:
    wanted = " AND ".join(f"tags.t != 'x{number}'" for number in range(60))
    assert await version_references(rows, filter=wanted, max_results=200_000) == ["a/2", "m/2", "m/1"]
