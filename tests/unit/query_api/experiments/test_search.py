"""The experiment search: filters, orders, views and pages."""

import orjson
import pytest

from query_api.experiments.search import search_experiments
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import SearchExperiments
from tests.unit.query_api.answers import experiment_ids
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def rows(make_rows: MakeRows) -> SqliteRows:
    rows = make_rows()
    rows.experiment(0, name="Default", creation_time_ms=10, last_update_time_ms=40)
    rows.experiment(1, name="ab", creation_time_ms=20, last_update_time_ms=30)
    rows.experiment(2, name="Ab", creation_time_ms=20, last_update_time_ms=20)
    rows.experiment(3, name="gone", creation_time_ms=30, last_update_time_ms=10, lifecycle_stage="deleted")
    rows.insert("experiment_tags", experiment_id=1, key="k", value="V")
    rows.insert("experiment_tags", experiment_id=2, key="k x", value="w")
    return rows


async def test_the_newest_come_first_and_of_equally_old_ones_the_lower_id(rows: SqliteRows) -> None:
    assert await experiment_ids(rows) == ["1", "2", "0"]


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        (["name"], ["2", "0", "1"]),
        (["name DESC"], ["1", "0", "2"]),
        (["creation_time"], ["0", "2", "1"]),
        (["creation_time DESC"], ["2", "1", "0"]),
        (["last_update_time"], ["2", "1", "0"]),
        (["attribute.experiment_id"], ["0", "1", "2"]),
        (["creation_time", "name DESC"], ["0", "1", "2"]),
        (["name", "name DESC"], ["2", "0", "1"]),
    ],
)
@pytest.mark.parametrize("max_results", [1, 2, 1000])
async def test_equal_ones_of_a_given_order_come_with_the_higher_id_first(
    rows: SqliteRows, order_by: list[str], found: list[str], max_results: int
) -> None:
    assert await experiment_ids(rows, order_by=order_by, max_results=max_results) == found


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("name = 'ab'", ["1"]),
        ("name != 'ab'", ["2", "0"]),
        ("name LIKE 'a%'", ["1"]),
        ("name ILIKE 'A%'", ["1", "2"]),
        ("experiment_id = '01'", ["1"]),
        ("experiment_id != '1'", ["2", "0"]),
        ("experiment_id IN ('1', '2', '99')", ["1", "2"]),
        ("experiment_id NOT IN ('1', '2')", ["0"]),
        ("creation_time > 10", ["1", "2"]),
        ("creation_time <= 10", ["0"]),
        ("last_update_time != 30", ["2", "0"]),
        ("tags.k = 'V'", ["1"]),
        ("tags.k != 'x'", ["1"]),
        ("tags.k ILIKE 'v'", ["1"]),
        ("tags.k LIKE 'v'", []),
        ('tags.`k x` = "w"', ["2"]),
        ("tags.`mlflow.experiment.isGateway` IS NULL", ["1", "2", "0"]),
        ("tags.k IS NULL", ["2", "0"]),
        ("tags.k IS NOT NULL", ["1"]),
        ("tags.k IS NOT NULL AND name = 'Ab'", []),
    ],
)
async def test_what_a_filter_finds(rows: SqliteRows, filter_text: str, found: list[str]) -> None:
    assert await experiment_ids(rows, filter=filter_text) == found


@pytest.mark.parametrize(
    ("view_type", "found"),
    [
        (None, ["1", "2", "0"]),
        ("ACTIVE_ONLY", ["1", "2", "0"]),
        ("DELETED_ONLY", ["3"]),
        (2, ["3"]),
        ("ALL", ["3", "1", "2", "0"]),
    ],
)
async def test_a_view_shows_active_or_deleted_ones_or_both(
    rows: SqliteRows, view_type: str | int | None, found: list[str]
) -> None:
    assert await experiment_ids(rows, view_type=view_type) == found


async def test_an_experiment_is_answered_with_its_tags(rows: SqliteRows) -> None:
    body = orjson.loads(await search_experiments(rows, SearchExperiments(max_results=5, filter="name = 'ab'")))
    assert body == {
        "experiments": [
            {
                "experiment_id": "1",
                "name": "ab",
                "artifact_location": "mlflow-artifacts:/1",
                "lifecycle_stage": "active",
                "last_update_time": 30,
                "creation_time": 20,
                "tags": [{"key": "k", "value": "V"}],
                "workspace": "default",
            }
        ]
    }


async def test_nothing_found_is_an_empty_object(rows: SqliteRows) -> None:
    assert await search_experiments(rows, SearchExperiments(max_results=5, filter="name = 'x'")) == b"{}"


@pytest.mark.parametrize(
    "wanted",
    [
        SearchExperiments(max_results=None),
        SearchExperiments(max_results=0),
        SearchExperiments(max_results=-1),
        SearchExperiments(max_results=50_001),
        SearchExperiments(max_results=5, view_type="BOGUS"),
        SearchExperiments(max_results=5, view_type=7),
        SearchExperiments(max_results=5, filter=" "),
        SearchExperiments(max_results=5, filter="name = 'x' OR name = 'y'"),
        SearchExperiments(max_results=5, order_by=["tags.k"]),
        SearchExperiments(max_results=5, order_by=["Name"]),
        SearchExperiments(max_results=5, order_by=["name, experiment_id"]),
        SearchExperiments(max_results=5, page_token="x"),
        SearchExperiments(max_results=5, page_token="eyJvZmZzZXQiOiAxfQ=="),
    ],
)
async def test_what_is_refused(rows: SqliteRows, wanted: SearchExperiments) -> None:
    with pytest.raises(InvalidParameterValue):
        await search_experiments(rows, wanted)


async def test_the_largest_lists_and_filters_are_no_difficulty(rows: SqliteRows) -> None:
    listed = ", ".join(f"'{number}'" for number in range(8_000))
    assert await experiment_ids(rows, filter=f"experiment_id IN ({listed})") == ["1", "2", "0"]
    assert await experiment_ids(rows, filter=" AND ".join(["tags.k = 'V'"] * 60)) == ["1"]
