"""Evaluation datasets, as MLflow's client makes, fills, reads, searches and deletes them."""

import json
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai.datasets import (
    add_dataset_to_experiments,
    create_dataset,
    delete_dataset,
    delete_dataset_tag,
    get_dataset,
    remove_dataset_from_experiments,
    search_datasets,
    set_dataset_tags,
)

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest

pytestmark = pytest.mark.usefixtures("followed")


def test_records_are_merged_by_their_inputs_and_read_as_a_table(experiment_id: str) -> None:
    dataset = create_dataset(fresh_name("dataset"), experiment_id=experiment_id, tags={"stage": "draft"})
    assert dataset.dataset_id.startswith("d-")
    assert dataset.tags["stage"] == "draft"
    dataset.merge_records(
        [
            {"inputs": {"question": "What is 1 + 1?", "n": 1}, "expectations": {"answer": "2"}},
            {"inputs": {"question": "ä", "n": 2.5}, "tags": {"topic": "letters"}},
        ]
    )
    dataset.merge_records([{"inputs": {"n": 1, "question": "What is 1 + 1?"}, "expectations": {"tone": "kind"}}])
    read = get_dataset(dataset_id=dataset.dataset_id)
    table = read.to_df()
    assert list(table["inputs"]) == [{"question": "What is 1 + 1?", "n": 1}, {"question": "ä", "n": 2.5}]
    assert next(iter(table["expectations"])) == {"answer": "2", "tone": "kind"}
    assert [str(getattr(one.source_type, "value", one.source_type)) for one in table["source"]] == ["HUMAN", "CODE"]
    assert json.loads(read.profile or "") == {"num_records": 2}
    assert json.loads(read.schema or "")["inputs"] == {"question": "string", "n": "integer"}
    assert read.digest != dataset.digest or read.last_update_time == dataset.created_time
    assert read.experiment_ids == [experiment_id]
    assert read.delete_records([table["dataset_record_id"][0]]) == 1
    assert list(get_dataset(dataset_id=dataset.dataset_id).to_df()["inputs"]) == [{"question": "ä", "n": 2.5}]


def test_a_dataset_is_found_by_name_tags_and_experiments_until_it_is_deleted(experiment_id: str) -> None:
    name = fresh_name("dataset")
    dataset = create_dataset(name, experiment_id=experiment_id)
    assert get_dataset(name=name).dataset_id == dataset.dataset_id
    set_dataset_tags(dataset.dataset_id, {"stage": "final", "run": name})
    found = search_datasets(experiment_ids=[experiment_id], filter_string=f"tags.run = '{name}' AND name LIKE 'data%'")
    assert [(one.dataset_id, (one.tags or {})["stage"]) for one in found] == [(dataset.dataset_id, "final")]
    delete_dataset_tag(dataset.dataset_id, "stage")
    assert "stage" not in get_dataset(dataset_id=dataset.dataset_id).tags
    remove_dataset_from_experiments(dataset.dataset_id, [experiment_id])
    assert search_datasets(experiment_ids=[experiment_id]) == []
    add_dataset_to_experiments(dataset.dataset_id, [experiment_id])
    assert [one.name for one in search_datasets(experiment_ids=[experiment_id])] == [name]
    delete_dataset(dataset_id=dataset.dataset_id)
    assert search_datasets(experiment_ids=[experiment_id]) == []
    with pytest.raises(MlflowException, match="not found"):
        get_dataset(dataset_id=dataset.dataset_id)


def test_records_come_in_pages(rest: Rest, experiment_id: str) -> None:
    dataset = create_dataset(fresh_name("dataset"), experiment_id=experiment_id)
    dataset.merge_records([{"inputs": {"n": n}} for n in range(7)])
    path, found, token = f"/api/3.0/mlflow/datasets/{dataset.dataset_id}/records", [], ""
    for size in (3, 3, 1):
        page: Any = rest.get(path, {"max_results": "3", "page_token": token}).json()
        records = json.loads(page["records"])
        assert len(records) == size
        found += [record["inputs"]["n"] for record in records]
        token = page.get("next_page_token", "")
    assert sorted(found) == list(range(7))
    assert token == ""
