"""What is answered of evaluation datasets, on both databases."""

import json
from typing import Any

import orjson
import pytest

from query_api.evaluation_datasets.document import get_evaluation_dataset, get_experiment_ids, get_records
from query_api.evaluation_datasets.search import search_evaluation_datasets
from query_api.seen import seen_by
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.evaluation_datasets import GetDatasetRecords, GetEvaluationDataset, SearchEvaluationDatasets
from schemas.sight import Scope, Sight
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def with_datasets(rows: SqliteRows) -> SqliteRows:
    rows.experiment(2, name="two")
    for number, (name, user, experiments) in enumerate(
        [("alpha", "ann", (1,)), ("beta", None, (1, 2)), ("Alpha2", "bob", (2,)), ("alone", "ann", ())]
    ):
        dataset_id = f"d-{number}"
        rows.connection.execute(
            "INSERT INTO evaluation_datasets VALUES (?, ?, ?, NULL, NULL, 0, 'digest', ?, 9, ?, NULL)",
            (dataset_id, name, json.dumps({"k": str(number)}), number, user),
        )
        rows.connection.execute("INSERT INTO evaluation_dataset_tags VALUES (?, 'k', ?)", (dataset_id, str(number)))
        for experiment_id in experiments:
            rows.connection.execute(
                "INSERT INTO evaluation_dataset_experiments VALUES (?, ?)", (dataset_id, experiment_id)
            )
    for number in range(5):
        rows.connection.execute(
            "INSERT INTO evaluation_dataset_records"
            " VALUES ('d-0', ?, ?, ?, ?, ?, '{}', ?, NULL, NULL, ?, 9, NULL, 'ann')",
            (
                f"dr-{9 - number}",
                f"h{number}",
                json.dumps({"q": f'"ä{number}'}),
                None if number else "NaN",
                None if number else '{"e":1}',
                None if number else '{"source_type":"CODE","source_data":{}}',
                number // 2,
            ),
        )
    return rows


def names(found: bytes) -> list[str]:
    return [one["name"] for one in orjson.loads(found).get("datasets", [])]


async def search(rows: Any, filter_string: str = "", **given: Any) -> list[str]:
    return names(await search_evaluation_datasets(rows, SearchEvaluationDatasets(filter_string=filter_string, **given)))


async def test_a_dataset_is_answered_as_mlflow_does(with_datasets: SqliteRows) -> None:
    assert await get_evaluation_dataset(with_datasets, GetEvaluationDataset(dataset_id="d-0")) == (
        b'{"dataset":{"dataset_id":"d-0","name":"alpha","tags":"{\\"k\\": \\"0\\"}","digest":"digest","created_time":0,'
        b'"last_update_time":9,"created_by":"ann"}}'
    )
    with pytest.raises(ResourceDoesNotExist, match="Evaluation dataset with id 'd-9' not found"):
        await get_evaluation_dataset(with_datasets, GetEvaluationDataset(dataset_id="d-9"))
    ids = await get_experiment_ids(with_datasets, GetEvaluationDataset(dataset_id="d-1"))
    assert ids == b'{"experiment_ids":["1","2"]}'
    assert await get_experiment_ids(with_datasets, GetEvaluationDataset(dataset_id="d-9")) == b"{}"


async def test_records_come_oldest_first_in_pages_that_end(with_datasets: SqliteRows) -> None:
    found: list[dict[str, Any]] = []
    token, pages = "", 0
    while token or not pages:
        wanted = GetDatasetRecords(dataset_id="d-0", max_results=2, page_token=token)
        page = orjson.loads(await get_records(with_datasets, wanted))
        found += json.loads(page["records"])
        token, pages = page.get("next_page_token", ""), pages + 1
    assert pages == 3
    assert [(one["created_time"], one["dataset_record_id"]) for one in found] == [
        (0, "dr-8"),
        (0, "dr-9"),
        (1, "dr-6"),
        (1, "dr-7"),
        (2, "dr-5"),
    ]
    assert str(found[1].pop("outputs")) == "nan"
    assert found[1] == {
        "dataset_record_id": "dr-9",
        "dataset_id": "d-0",
        "inputs": {"q": '"ä0'},
        "expectations": {"e": 1},
        "tags": {},
        "source": {"source_type": "CODE", "source_data": {}},
        "created_time": 0,
        "last_update_time": 9,
        "last_updated_by": "ann",
    }
    assert await get_records(with_datasets, GetDatasetRecords(dataset_id="d-9")) == b'{"records":"[]"}'
    for wrong in (
        GetDatasetRecords(dataset_id="d-0", max_results=-1),
        GetDatasetRecords(dataset_id="d-0", page_token="x"),
    ):
        with pytest.raises(InvalidParameterValue):
            await get_records(with_datasets, wrong)


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("", ["alone", "Alpha2", "beta", "alpha"]),
        ("name = 'alpha'", ["alpha"]),
        ('name = "alpha"', ["alpha"]),
        ("name LIKE 'al%'", ["alone", "alpha"]),
        ("name ILIKE 'alpha%'", ["Alpha2", "alpha"]),
        ("name IN ('beta', 'alpha')", ["beta", "alpha"]),
        ("created_by = 'ann'", ["alone", "alpha"]),
        ("created_time > 0 AND created_time <= 2", ["Alpha2", "beta"]),
        ("tags.k != '0' AND created_by != 'bob'", ["alone"]),
        ("tags.k = '1'", ["beta"]),
    ],
)
async def test_a_filter_finds(with_datasets: SqliteRows, filter_string: str, expected: list[str]) -> None:
    assert await search(with_datasets, filter_string) == expected


@pytest.mark.parametrize(
    "filter_string",
    ["name ilike 'x'", "name NOT IN ('x')", "attributes.name = 'x'", "digest = 'x'", "created_time = 'x'"],
)
async def test_what_a_filter_may_not_say_is_refused(with_datasets: SqliteRows, filter_string: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await search(with_datasets, filter_string)


async def test_a_search_is_narrowed_ordered_and_cut_into_pages(with_datasets: SqliteRows) -> None:
    assert await search(with_datasets, experiment_ids=["2", "77"]) == ["Alpha2", "beta"]
    assert await search(with_datasets, order_by=["name DESC"]) == ["beta", "alpha", "alone", "Alpha2"]
    wanted = SearchEvaluationDatasets(order_by=["last_update_time ASC"], max_results=3)
    first = orjson.loads(await search_evaluation_datasets(with_datasets, wanted))
    wanted.page_token = first["next_page_token"]
    second = orjson.loads(await search_evaluation_datasets(with_datasets, wanted))
    found = [one["dataset_id"] for one in first["datasets"] + second["datasets"]]
    assert found == ["d-3", "d-2", "d-1", "d-0"]
    assert "next_page_token" not in second


async def test_a_dataset_is_seen_by_who_sees_all_its_experiments(with_datasets: SqliteRows) -> None:
    with_datasets.connection.execute(
        "INSERT INTO grants (role_id, resource_type, resource_pattern, level) VALUES (5, 'experiment', '1', 2)"
    )
    sight = Sight(1, (5,), {"experiment": Scope.GRANTED})
    assert await search(seen_by(with_datasets, sight)) == ["alpha"]
    everything = Sight(1, (5,), {"experiment": Scope.ALL})
    assert await search(seen_by(with_datasets, everything)) == ["Alpha2", "beta", "alpha"]
