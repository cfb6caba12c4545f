"""The search of registered models: filters, prompts, orders and pages."""

from typing import Any

import orjson
import pytest

from query_api.registered_models.search import search_registered_models
from schemas.errors import InvalidParameterValue
from schemas.messages.registered_models import SearchRegisteredModels
from schemas.mlflow import IS_PROMPT_TAG
from tests.unit.query_api.answers import model_names
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows

MARKER = f"tags.`{IS_PROMPT_TAG}`"
PROMPTS = ["p", "q"]
MODELS = ["A", "a", "b", "o'brien", "odd", "x_y", "xzy", "ä"]


@pytest.fixture
def rows(make_rows: MakeRows) -> SqliteRows:
    """Models, of which one says that it is no prompt, and two prompts, one of them by capital letters."""
    rows = make_rows()
    rows.registered_model("b", tags={"t": "V", "team": "x"}, last_updated_timestamp_ms=3)
    rows.registered_model("A", tags={"t": "v"}, last_updated_timestamp_ms=3)
    rows.registered_model("a", tags={"t": "w"}, last_updated_timestamp_ms=5)
    rows.registered_model("odd", tags={IS_PROMPT_TAG: "false"})
    for name in ("x_y", "xzy", "o'brien", "ä"):
        rows.registered_model(name)
    rows.registered_model("p", tags={IS_PROMPT_TAG: "true", "t": "v"}, last_updated_timestamp_ms=4)
    rows.registered_model("q", tags={IS_PROMPT_TAG: "TRUE"})
    return rows


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("", MODELS),
        ("name = 'a'", ["a"]),
        ("name = 'p'", []),
        ("name != 'a' AND name != 'A'", MODELS[2:]),
        ("attribute.name = 'a'", ["a"]),
        ('name = "o\'brien"', ["o'brien"]),
        ("name IN ('b', 'a', 'p', 'none')", ["a", "b"]),
        ("name NOT IN ('b', 'a')", ["A", *MODELS[3:]]),
        ("name LIKE 'x_y'", ["x_y", "xzy"]),
        ("name LIKE 'x%'", ["x_y", "xzy"]),
        ("name LIKE 'A'", ["A"]),
        ("name LIKE '%'", MODELS),
        ("name ILIKE 'A'", ["A", "a"]),
        ("name ILIKE 'Ä'", ["ä"]),
        ("tags.t = 'v'", ["A"]),
        ("tag.t != 'v'", ["a", "b"]),
        ("tags.t ILIKE 'v'", ["A", "b"]),
        ("tags.t LIKE '%'", ["A", "a", "b"]),
        ("tags.t = 'V' AND tags.team = 'x'", ["b"]),
        ("tags.t != 'w' AND tags.t != 'V'", ["A"]),
        ("tags.t IS NULL", MODELS[3:]),
        ("tags.t IS NOT NULL", ["A", "a", "b"]),
        ("AND name = 'a' AND name = 'a' AND", ["a"]),
    ],
)
async def test_what_a_filter_finds(rows: SqliteRows, filter_text: str, found: list[str]) -> None:
    assert await model_names(rows, filter=filter_text) == found


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        (f"{MARKER} = 'true'", PROMPTS),
        (f'{MARKER} = "true"', PROMPTS),
        (f"{MARKER} = 'TRUE'", PROMPTS),
        (f"{MARKER} != 'false'", PROMPTS),
        (f"{MARKER} != 'FALSE'", ["odd", *PROMPTS]),
        (f"tag.`{IS_PROMPT_TAG}` = 'true' AND name LIKE 'p%'", ["p"]),
        (f"name = 'q' AND {MARKER} = 'true'", ["q"]),
        (f"{MARKER} = 'true' AND tags.t ILIKE '%V%'", ["p"]),
        (f"{MARKER} = 'true' AND {MARKER} = 'false'", []),
        (f"{MARKER} != 'false' AND {MARKER} = 'TRUE'", ["q"]),
    ],
)
async def test_who_asks_for_prompts_searches_by_their_tag(rows: SqliteRows, filter_text: str, found: list[str]) -> None:
    assert await model_names(rows, filter=filter_text) == found


@pytest.mark.parametrize(
    "test", ["!= 'true'", "= 'false'", "!= 'TRUE'", "LIKE 'true'", "ILIKE '%'", "= 'x'", "IS NULL", "IS NOT NULL"]
)
async def test_any_other_condition_on_the_tag_of_prompts_hides_them_and_says_nothing_else(
    rows: SqliteRows, test: str
) -> None:
    assert await model_names(rows, filter=f"{MARKER} {test}") == MODELS
    assert await model_names(rows, filter=f"name ILIKE 'a' AND tag.`{IS_PROMPT_TAG}` {test}") == ["A", "a"]
    assert await model_names(rows, filter=f"{MARKER} {test} AND {MARKER} = 'true'") == MODELS


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ([], MODELS),
        (["name"], MODELS),
        (["name DESC"], MODELS[::-1]),
        (["timestamp DESC"], ["a", "A", "b", "o'brien", "odd", "x_y", "xzy", "ä"]),
        (["last_updated_timestamp"], ["o'brien", "odd", "x_y", "xzy", "ä", "A", "b", "a"]),
        (["timestamp desc", "name desc"], ["a", "b", "A", "ä", "xzy", "x_y", "odd", "o'brien"]),
    ],
)
@pytest.mark.parametrize("max_results", range(1, len(MODELS) + 2))
async def test_every_page_is_full_and_in_order(
    rows: SqliteRows, order_by: list[str], found: list[str], max_results: int
) -> None:
    pages: list[list[str]] = []
    token = ""
    while True:
        message = SearchRegisteredModels(order_by=order_by, max_results=max_results, page_token=token)
        body = orjson.loads(await search_registered_models(rows, message))
        pages.append([model["name"] for model in body["registered_models"]])
        if not (token := body.get("next_page_token", "")):
            break
    assert [name for page in pages for name in page] == found
    assert {len(page) for page in pages[:-1]} <= {max_results}


async def test_a_page_is_a_hundred_and_one_of_nothing_leads_to_the_first(rows: SqliteRows) -> None:
    for number in range(100):
        rows.registered_model(f"m{number:03}")
    body = orjson.loads(await search_registered_models(rows, SearchRegisteredModels()))
    assert len(body["registered_models"]) == 100
    empty = orjson.loads(await search_registered_models(rows, SearchRegisteredModels(max_results=0)))
    assert list(empty) == ["next_page_token"]
    again = SearchRegisteredModels(max_results=0, page_token=empty["next_page_token"])
    assert orjson.loads(await search_registered_models(rows, again)) == empty
    first = SearchRegisteredModels(max_results=1, page_token=empty["next_page_token"])
    (model,) = orjson.loads(await search_registered_models(rows, first))["registered_models"]
    assert model["name"] == "A"
    none = SearchRegisteredModels(max_results=0, filter="name = 'none'")
    assert await search_registered_models(rows, none) == b"{}"


async def test_nothing_found_is_an_empty_object(rows: SqliteRows) -> None:
    assert await search_registered_models(rows, SearchRegisteredModels(filter="name = 'none'")) == b"{}"


@pytest.mark.parametrize(
    "request_fields",
    [
        {"max_results": -1},
        {"max_results": 1001},
        {"filter": " "},
        {"filter": "name > 'x'"},
        {"order_by": ["creation_timestamp"]},
        {"order_by": ["name", "name DESC"]},
        {"order_by": ["timestamp", "last_updated_timestamp"]},
        {"page_token": "x"},
    ],
)
async def test_what_is_refused(rows: SqliteRows, request_fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        await search_registered_models(rows, SearchRegisteredModels(**request_fields))


async def test_a_model_is_found_as_it_is_got_with_the_versions_in_its_stages_and_its_aliases(rows: SqliteRows) -> None:
    rows.model_version("b", 1, current_stage="Production")
    rows.model_version("b", 2, aliases=["x"], tags={"k": "v"})
    (found,) = orjson.loads(await search_registered_models(rows, SearchRegisteredModels(filter="name = 'b'")))[
        "registered_models"
    ]
    assert [(one["version"], "aliases" in one) for one in found["latest_versions"]] == [("1", False), ("2", False)]
    assert found["aliases"] == [{"alias": "x", "version": "2"}]
