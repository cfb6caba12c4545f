"""Commands about evaluation datasets, on a log in memory."""

import json
import sqlite3
import threading
from contextlib import closing
from typing import Any

import orjson
import pytest

from ingest.evaluation_datasets import decisions
from ingest.evaluation_datasets.decisions import records_of, upserts
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.evaluation_datasets import (
    AddDatasetToExperiments,
    CreateEvaluationDataset,
    DeleteDatasetRecords,
    DeleteEvaluationDataset,
    DeleteEvaluationDatasetTag,
    RemoveDatasetFromExperiments,
    SetEvaluationDatasetTags,
    UpsertDatasetRecords,
)
from tests.unit.ingest.doubles import ANN, Deployment


class Datasets:
    """A dataset, and commands about it."""

    def __init__(self) -> None:
        self.deployment = Deployment()
        self.commands = self.deployment.ingest.evaluation_datasets
        self.id = ""

    async def create(self, **given: Any) -> dict[str, Any]:
        await self.deployment.ingest.ensure_default_experiment()
        answer = await self.commands.create(CreateEvaluationDataset(**{"name": "d", **given}), ANN, "q")
        dataset: dict[str, Any] = orjson.loads(answer)["dataset"]
        self.id = dataset["dataset_id"]
        return dataset

    async def upsert(self, *records: Any, text: str = "") -> tuple[int, int]:
        """How many were inserted and updated."""
        command = UpsertDatasetRecords(dataset_id=self.id, records=text or json.dumps(records))
        counts = orjson.loads(await self.commands.upsert_records(command, ANN, "q"))
        assert list(counts) == ["inserted_count", "updated_count"]
        return counts["inserted_count"], counts["updated_count"]

    async def set_tags(self, tags: str) -> dict[str, Any]:
        command = SetEvaluationDatasetTags(dataset_id=self.id, tags=tags)
        return dict(orjson.loads(await self.commands.set_tags(command, ANN, "q"))["dataset"])

    async def delete_records(self, *record_ids: str) -> int:
        command = DeleteDatasetRecords(dataset_id=self.id, dataset_record_ids=list(record_ids))
        count: int = orjson.loads(await self.commands.delete_records(command, ANN, "q"))["deleted_count"]
        return count

    async def shown(self) -> dict[str, Any]:
        return await self.set_tags("{}")


@pytest.fixture
def datasets() -> Datasets:
    return Datasets()


async def test_a_new_dataset_is_answered_in_mlflows_shape(datasets: Datasets) -> None:
    dataset = await datasets.create(experiment_ids=["0", "0"], tags='{"mlflow.user":"ann","n":1,"none":null}')
    assert dataset.pop("dataset_id").startswith("d-")
    assert len(dataset.pop("digest")) == 8
    assert dataset.pop("created_time") == dataset.pop("last_update_time")
    assert dataset == {
        "name": "d",
        "tags": '{"mlflow.user": "ann", "n": "1"}',
        "created_by": "ann",
        "last_updated_by": "ann",
        "experiment_ids": ["0"],
    }


async def test_records_with_the_same_inputs_are_one(datasets: Datasets) -> None:
    await datasets.create()
    first = {"inputs": {"a": 1, "b": [2]}, "outputs": "x", "tags": {"mlflow.user": "ann"}}
    assert await datasets.upsert(first, {"inputs": {"b": [2], "a": 1}}, {"inputs": {"a": 1.0, "b": [2]}}) == (2, 1)
    assert await datasets.upsert({"inputs": {"b": [2], "a": 1}}, {}, {"inputs": {}}) == (1, 2)
    shown = await datasets.shown()
    assert json.loads(shown["profile"]) == {"num_records": 3}
    assert json.loads(shown["schema"]) == {
        "inputs": {"a": "integer", "b": "array"},
        "outputs": "string",
        "expectations": {},
        "version": "1.0",
    }
    assert "last_updated_by" not in shown, "the last batch said nothing of a user"


async def test_many_records_make_several_events(datasets: Datasets) -> None:
    await datasets.create()
    before = await datasets.deployment.count()
    assert await datasets.upsert(*({"inputs": {"n": n % 2500}} for n in range(2600))) == (2500, 100)
    assert await datasets.deployment.count() - before == 3


def test_an_event_of_records_has_a_greatest_length() -> None:
    long = json.dumps([{"inputs": {"n": n, "text": "x" * 400_000}} for n in range(5)])
    assert [len(event.records) for event in upserts("d", records_of(long))] == [2, 2, 1]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{}",
        "[1]",
        '[{"inputs":[]}]',
        '[{"inputs":"x"}]',
        '[{"inputs":null}]',
        '[{"expectations":[]}]',
        '[{"tags":"x"}]',
        '[{"source":"x"}]',
        '[{"source":{"source_type":"MOON"}}]',
        '[{"source":{"source_data":{}}}]',
        '[{"inputs":{"a":"\\ud800"}}]',
        '[{"inputs":' + '{"a":' * 200 + "1" + "}" * 201 + "]",
        "[" * 100_000,
        '[{"inputs":{"a":"' + "x" * 1_000_000 + '"}}]',
        '[{"inputs":{"a":' + "1" * 5000 + "}}]",
    ],
    ids=lambda text: text[:30],
)
async def test_what_is_no_list_of_records_is_refused_whole(datasets: Datasets, text: str) -> None:
    await datasets.create()
    before = await datasets.deployment.count()
    with pytest.raises(InvalidParameterValue):
        await datasets.upsert(text=text if text != "{}" else " {}")
    assert await datasets.deployment.count() == before


async def test_a_record_that_would_grow_too_long_refuses_its_event(datasets: Datasets) -> None:
    await datasets.create()
    await datasets.upsert({"inputs": {"a": 1}, "expectations": {"one": "x" * 900_000}})
    with pytest.raises(InvalidParameterValue, match="exceeds the maximum length"):
        await datasets.upsert({"inputs": {"a": 2}}, {"inputs": {"a": 1}, "expectations": {"two": "x" * 900_000}})
    assert json.loads((await datasets.shown())["profile"]) == {"num_records": 1}


async def test_no_records_change_nothing(datasets: Datasets) -> None:
    dataset = await datasets.create()
    before = await datasets.deployment.count()
    assert await datasets.upsert() == (0, 0)
    assert await datasets.deployment.count() == before
    assert (await datasets.shown())["digest"] == dataset["digest"]


async def test_deleted_records_are_counted_once(datasets: Datasets) -> None:
    await datasets.create()
    await datasets.upsert({"inputs": {"a": 1}}, {"inputs": {"a": 2}})
    with closing(sqlite3.connect(datasets.deployment.projection.file)) as rows:
        first, second = [row[0] for row in rows.execute("SELECT record_id FROM evaluation_dataset_records ORDER BY 1")]
    assert first.startswith("dr-")
    assert len(first) == len("dr-") + 32
    assert await datasets.delete_records(first, first, "never") == 1
    assert await datasets.delete_records(first) == 0
    assert json.loads((await datasets.shown())["profile"]) == {"num_records": 1}
    assert await datasets.delete_records(second) == 1
    assert json.loads((await datasets.shown())["profile"]) == {"num_records": 0}
    assert await datasets.upsert({"inputs": {"a": 1}}) == (1, 0)


async def test_experiments_are_added_and_removed(datasets: Datasets) -> None:
    await datasets.create()
    add, remove = datasets.commands.add_experiments, datasets.commands.remove_experiments
    for _ in range(2):
        answer = await add(AddDatasetToExperiments(dataset_id=datasets.id, experiment_ids=["0"]), ANN, "q")
        assert orjson.loads(answer)["dataset"]["experiment_ids"] == ["0"]
    with pytest.raises(ResourceDoesNotExist, match="No Experiment"):
        await add(AddDatasetToExperiments(dataset_id=datasets.id, experiment_ids=["0", "77"]), ANN, "q")
    for _ in range(2):
        answer = await remove(RemoveDatasetFromExperiments(dataset_id=datasets.id, experiment_ids=["0"]), ANN, "q")
        assert "experiment_ids" not in orjson.loads(answer)["dataset"]
    with pytest.raises(ResourceDoesNotExist, match="No Experiment"):
        await datasets.create(experiment_ids=["77"])


async def test_tags_are_texts(datasets: Datasets) -> None:
    await datasets.create(tags='{"a":"1"}')
    assert (await datasets.set_tags('{"b":2.5,"c":true,"a":null}'))["tags"] == '{"a": "1", "b": "2.5", "c": "True"}'
    delete = DeleteEvaluationDatasetTag(dataset_id=datasets.id, key="a")
    for _ in range(2):
        assert await datasets.commands.delete_tag(delete, ANN, "q") == b"{}"
    assert (await datasets.shown())["tags"] == '{"b": "2.5", "c": "True"}'
    for text in ("x", "[]", '{"a":{}}', '{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"' + "k" * 251 + '":"v"}'):
        with pytest.raises(InvalidParameterValue):
            await datasets.set_tags(text)


async def test_what_is_not_there_is_deleted_and_not_changed(datasets: Datasets) -> None:
    await datasets.create()
    for _ in range(2):
        answer = await datasets.commands.delete(DeleteEvaluationDataset(dataset_id=datasets.id), ANN, "q")
        assert answer == b"{}"
    gone = DeleteEvaluationDatasetTag(dataset_id=datasets.id, key="a")
    assert await datasets.commands.delete_tag(gone, ANN, "q") == b"{}"
    assert await datasets.delete_records("dr-1") == 0
    for refused in (datasets.set_tags("{}"), datasets.upsert(), datasets.upsert({"inputs": {}})):
        with pytest.raises(ResourceDoesNotExist, match="not found"):
            await refused


async def test_the_json_of_records_is_read_beside_the_other_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets, threads = Datasets(), set()
    await datasets.create()

    def reading(text: str) -> Any:
        threads.add(threading.current_thread())
        return records_of(text)

    monkeypatch.setattr(decisions, "records_of", reading)
    assert await datasets.upsert({"inputs": {"a": 1}}) == (1, 0)
    assert threading.main_thread() not in threads
