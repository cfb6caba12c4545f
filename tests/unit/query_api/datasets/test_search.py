"""The search of datasets: each once for each context, whatever became of the runs."""

import orjson
import pytest

from query_api.datasets.search import search_datasets
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import SearchDatasets
from tests.unit.query_api.sqlite_rows import SqliteRows


async def test_a_dataset_is_summed_up_once_for_each_context(rows: SqliteRows) -> None:
    first, second = rows.run("a"), rows.run("b", lifecycle_stage="deleted")
    rows.dataset(first, "z", "1", tags={"mlflow.data.context": "train"})
    rows.dataset(second, "z", "1", tags={"mlflow.data.context": "eval"})
    rows.dataset(first, "y", "2")
    rows.dataset(second, "y", "2", tags={"mlflow.data.context": ""})
    rows.experiment(2, lifecycle_stage="deleted")
    rows.dataset(rows.run("c", experiment_id=2), "z", "1", experiment_id=2)
    body = orjson.loads(await search_datasets(rows, SearchDatasets(experiment_ids=["2", "1", "1"])))
    assert body == {
        "dataset_summaries": [
            {"experiment_id": "1", "name": "y", "digest": "2"},
            {"experiment_id": "1", "name": "z", "digest": "1", "context": "eval"},
            {"experiment_id": "1", "name": "z", "digest": "1", "context": "train"},
            {"experiment_id": "2", "name": "z", "digest": "1"},
        ]
    }


async def test_there_are_at_most_a_thousand(rows: SqliteRows) -> None:
    number = rows.run("a")
    for dataset in range(1_001):
        rows.dataset(number, f"d{dataset}")
    body = orjson.loads(await search_datasets(rows, SearchDatasets(experiment_ids=["1"])))
    assert len(body["dataset_summaries"]) == 1_000


async def test_no_dataset_is_an_empty_object(rows: SqliteRows) -> None:
    assert await search_datasets(rows, SearchDatasets(experiment_ids=["1", "99"])) == b"{}"


@pytest.mark.parametrize("ids", [[], ["x"], [str(number) for number in range(21)]])
async def test_one_to_twenty_experiments_are_expected(rows: SqliteRows, ids: list[str]) -> None:
    with pytest.raises(InvalidParameterValue):
        await search_datasets(rows, SearchDatasets(experiment_ids=ids))
