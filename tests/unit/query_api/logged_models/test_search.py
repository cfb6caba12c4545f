"""The search of logged models: filters, datasets, orders and pages."""

from typing import Any

import pytest

from query_api.logged_models.search import search_logged_models
from schemas.errors import InvalidParameterValue
from schemas.messages.logged_models import LoggedModelsDataset, LoggedModelsOrderBy, SearchLoggedModels
from tests.unit.query_api.answers import model_ids
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def rows(make_rows: MakeRows) -> SqliteRows:
    """Models a, b, c, d; a's metric is measured on two datasets and on none."""
    rows = make_rows()
    for experiment_id in (1, 2):
        rows.experiment(experiment_id)
    rows.logged_model(
        "a", name="A", model_type="t", source_run_id="r", params={"p": "v", "x-y": "1"}, tags={"t": "V"}, status=1
    )
    rows.logged_model("b", name="b", params={"p": "w", "n": "5"}, status=2, creation_timestamp_ms=1)
    rows.logged_model("c", name="C", creation_timestamp_ms=2)
    rows.logged_model("d", name="D", creation_timestamp_ms=2, experiment_id=2)
    rows.logged_model_metric("a", "acc", 0.9, timestamp_ms=1, dataset_name="d", dataset_digest="1")
    rows.logged_model_metric("a", "acc", 0.5, timestamp_ms=2)
    rows.logged_model_metric("a", "acc", 0.1, timestamp_ms=3, dataset_name="d", dataset_digest="2")
    rows.logged_model_metric("b", "acc", 0.7, dataset_name="d", dataset_digest="1")
    rows.logged_model_metric("c", "acc", 0.6)
    return rows


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("", ["c", "b", "a"]),
        ("name = 'A'", ["a"]),
        ("name = A", ["a"]),
        ('name = "A"', []),
        ("name ILIKE 'B'", ["b"]),
        ("name LIKE 'B'", []),
        ("attributes.name IN ('A', 'b')", ["b", "a"]),
        ("name NOT IN ('A')", ["c", "b"]),
        ("model_id != 'a'", ["c", "b"]),
        ("model_type = ''", ["c", "b"]),
        ("source_run_id = 'r'", ["a"]),
        ("status = 2", ["b"]),
        ("status = '2'", ["b"]),
        ("status = 2.0", ["b"]),
        ("status != 2", ["c", "a"]),
        ("status = 'READY'", ["b"]),
        ("status = READY", ["b"]),
        ("status != 'PENDING'", ["b"]),
        ("status IN ('1')", ["c", "a"]),
        ("status IN ('PENDING', 'READY')", ["c", "b", "a"]),
        ("status NOT IN ('READY')", ["c", "a"]),
        ("status = 'FAILED'", []),
        ("experiment_id = 1", ["c", "b", "a"]),
        ("lifecycle_stage = 'active'", ["c", "b", "a"]),
        ("lifecycle_stage != 'active'", []),
        ("creation_time > 0", ["c", "b"]),
        ("creation_timestamp < 0.5", ["a"]),
        ("params.p = 'v'", ["a"]),
        ("params.p != 'v'", ["b"]),
        ("params.n = 5", ["b"]),
        ("params.x-y = '1'", ["a"]),
        ("params.p IN ('v', 'w')", ["b", "a"]),
        ("tags.t ILIKE 'v'", ["a"]),
        ("metrics.acc > 0.8", []),
        ("metrics.acc < 0.2", ["a"]),
        ("metrics.acc > 0.8 AND metrics.acc < 0.2", []),
        ("metrics.acc != 0.7", ["c", "a"]),
        ("metrics.acc > 0.55 and name = 'C'", ["c"]),
    ],
)
async def test_what_a_filter_finds(rows: SqliteRows, filter_text: str, found: list[str]) -> None:
    assert await model_ids(rows, filter=filter_text) == found


@pytest.mark.parametrize(
    ("filter_text", "datasets", "found"),
    [
        ("metrics.acc > 0.8", [("d", "1")], ["a"]),
        ("metrics.acc > 0.8", [("d", "2")], []),
        ("metrics.acc > 0.05", [("d", "2")], ["a"]),
        ("metrics.acc > 0", [("d", "1"), ("d", "2")], ["b", "a"]),
        ("metrics.acc > 0", [("d", "")], []),
        ("", [("d", "1")], ["b", "a"]),
        ("name = 'C'", [("d", "1")], []),
    ],
)
async def test_datasets_restrict_which_values_of_metrics_count(
    rows: SqliteRows, filter_text: str, datasets: list[tuple[str, str]], found: list[str]
) -> None:
    wanted = [LoggedModelsDataset(dataset_name=name, dataset_digest=digest) for name, digest in datasets]
    assert await model_ids(rows, filter=filter_text, datasets=wanted) == found


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ([{"field_name": "name"}], ["a", "c", "b"]),
        ([{"field_name": "name", "ascending": False}], ["b", "c", "a"]),
        ([{"field_name": "creation_time"}], ["a", "b", "c"]),
        ([{"field_name": "status"}], ["c", "a", "b"]),
        ([{"field_name": "lifecycle_stage"}], ["c", "b", "a"]),
        ([{"field_name": "metrics.acc"}], ["a", "c", "b"]),
        ([{"field_name": "metrics.acc", "ascending": False}], ["b", "c", "a"]),
        ([{"field_name": "metrics.acc", "dataset_name": "d", "dataset_digest": "1"}], ["b", "a", "c"]),
        ([{"field_name": "metrics.acc", "dataset_digest": "1", "ascending": False}], ["a", "b", "c"]),
        ([{"field_name": "metrics.acc", "dataset_name": "d"}], ["a", "b", "c"]),
        ([{"field_name": "metrics.none"}], ["c", "b", "a"]),
        ([{"field_name": "metrics.`acc`"}], ["c", "b", "a"]),
        ([{"field_name": "status"}, {"field_name": "name"}], ["a", "c", "b"]),
        ([{"field_name": "name"}, {"field_name": "name", "ascending": False}], ["a", "c", "b"]),
    ],
)
@pytest.mark.parametrize("max_results", [1, 2, 50])
async def test_orders_go_by_attributes_and_the_latest_values_of_metrics_missing_ones_last(
    rows: SqliteRows, order_by: list[dict[str, Any]], found: list[str], max_results: int
) -> None:
    wanted = [LoggedModelsOrderBy(**element) for element in order_by]
    assert await model_ids(rows, order_by=wanted, max_results=max_results) == found


async def test_of_values_of_one_time_the_one_of_the_highest_step_is_the_latest(rows: SqliteRows) -> None:
    rows.logged_model_metric("a", "m", 1, step=5)
    rows.logged_model_metric("a", "m", 3, step=1)
    rows.logged_model_metric("b", "m", 2)
    assert await model_ids(rows, order_by=[LoggedModelsOrderBy(field_name="metrics.m")]) == ["a", "b", "c"]


@pytest.mark.parametrize("order_by", [[], [LoggedModelsOrderBy(field_name="status")]])
async def test_models_of_several_experiments_come_in_one_order_and_equal_ones_by_id(
    rows: SqliteRows, order_by: list[LoggedModelsOrderBy]
) -> None:
    rows.logged_model("0", creation_timestamp_ms=2)
    found = await model_ids(rows, experiment_ids=["1", "2", "1"], max_results=1, order_by=order_by)
    assert found == (["0", "c", "d", "a", "b"] if order_by else ["0", "c", "d", "b", "a"])


async def test_a_page_of_zero_is_a_page_of_a_hundred_and_none_is_fifty(rows: SqliteRows) -> None:
    for number in range(120):
        rows.logged_model(f"m-{number}")
    for max_results, size in ((0, 100), (None, 50), (300_000, 123)):
        body = await search_logged_models(rows, SearchLoggedModels(experiment_ids=["1"], max_results=max_results))
        assert body.count(b'"info"') == size


@pytest.mark.parametrize(
    "request_fields",
    [
        {"max_results": -1},
        {"filter": " "},
        {"filter": "name > 'x'"},
        {"order_by": [LoggedModelsOrderBy()]},
        {"order_by": [LoggedModelsOrderBy(field_name="Name")]},
        {"order_by": [LoggedModelsOrderBy(field_name="name DESC")]},
        {"order_by": [LoggedModelsOrderBy(field_name="params.p")]},
        {"order_by": [LoggedModelsOrderBy(field_name="attributes.name")]},
        {"order_by": [LoggedModelsOrderBy(field_name="name")] * 21},
        {"datasets": [LoggedModelsDataset(dataset_digest="1")]},
        {"datasets": [LoggedModelsDataset(dataset_name="d")] * 101},
        {"experiment_ids": ["x"]},
        {"page_token": "x"},
    ],
)
async def test_what_is_refused(rows: SqliteRows, request_fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        await search_logged_models(rows, SearchLoggedModels(**{"experiment_ids": ["1"]} | request_fields))


@pytest.mark.parametrize("ids", [[], ["99"]])
async def test_no_experiment_or_an_unknown_one_has_no_models(rows: SqliteRows, ids: list[str]) -> None:
    assert await search_logged_models(rows, SearchLoggedModels(experiment_ids=ids)) == b"{}"


@pytest.mark.slow
async def test_the_largest_request_is_no_difficulty(rows: SqliteRows) -> None:
    found = await model_ids(
        rows,
        filter=" AND ".join(["metrics.acc > 0"] * 60),
        datasets=[LoggedModelsDataset(dataset_name="d", dataset_digest=f"{number}") for number in range(100)],
        order_by=[LoggedModelsOrderBy(field_name=f"metrics.m{number}") for number in range(20)],
        max_results=1,
    )
    assert found == ["b", "a"]


async def test_a_deleted_model_is_not_found(rows: SqliteRows) -> None:
    rows.logged_model("e", lifecycle_stage="deleted")
    assert await model_ids(rows) == ["c", "b", "a"]
    assert await model_ids(rows, filter="lifecycle_stage = 'deleted'") == []
