"""Logged model search: filters, order, datasets and pages."""

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import RestException

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error


class Fixed:
    """Four models in one experiment: id by name, and what they were created with."""

    def __init__(self, client: MlflowClient) -> None:
        self.experiment_id = client.create_experiment(fresh_name("models"))
        self.run_id = client.create_run(self.experiment_id).info.run_id
        self.ids: dict[str, str] = {}
        self._add(client, "Forest", "classifier", {"trees": "10"}, {"team": "Red"}, acc=0.9, err=0.1)
        self._add(client, "linear", "regressor", {"trees": "0", "l2": "0.1"}, {"team": "red", "a b": "x"}, acc=0.5)
        self._add(client, "boosted_1", "classifier", {"trees": "100"}, {"team": "blue"}, acc=-1.0)
        self._add(client, "deep", "", {}, {})
        client.finalize_logged_model(self.ids["Forest"], LoggedModelStatus.READY)
        client.finalize_logged_model(self.ids["linear"], LoggedModelStatus.FAILED)

    def _add(
        self,
        client: MlflowClient,
        name: str,
        model_type: str,
        params: dict[str, str],
        tags: dict[str, str],
        **metrics: float,
    ) -> None:
        model = client.create_logged_model(
            self.experiment_id,
            name=name,
            source_run_id=self.run_id if name == "Forest" else None,
            model_type=model_type,
            params=params,
            tags=tags,
        )
        self.ids[name] = model.model_id
        for key, value in metrics.items():
            client.log_metric(
                self.run_id,
                key,
                value,
                timestamp=10,
                model_id=model.model_id,
                dataset_name="iris" if key == "acc" else None,
                dataset_digest="abc" if key == "acc" else None,
            )


@pytest.fixture(scope="module")
def fixed(client: MlflowClient) -> Fixed:
    return Fixed(client)


ALL = {"Forest", "linear", "boosted_1", "deep"}
FOUND = [
    ("", ALL),
    ("name = 'Forest'", {"Forest"}),
    ("attributes.name = 'Forest'", {"Forest"}),
    ("name != 'Forest'", ALL - {"Forest"}),
    ("name LIKE '%e%'", {"Forest", "linear", "boosted_1", "deep"}),
    ("name LIKE 'f%'", set()),
    ("name ILIKE 'f%'", {"Forest"}),
    ("name ilike 'f%'", {"Forest"}),
    ("name IN ('Forest', 'deep')", {"Forest", "deep"}),
    ("name NOT IN ('Forest', 'deep')", {"linear", "boosted_1"}),
    ("name = Forest", {"Forest"}),
    ("model_id = '<Forest>'", {"Forest"}),
    ("attributes.model_id IN ('<Forest>', '<deep>')", {"Forest", "deep"}),
    ("model_type = 'classifier'", {"Forest", "boosted_1"}),
    ("model_type LIKE '%or'", {"linear"}),
    ("source_run_id = '<run>'", {"Forest"}),
    ("status = 1", {"boosted_1", "deep"}),
    ("status = 2", {"Forest"}),
    ("attributes.status != 3", ALL - {"linear"}),
    ("creation_timestamp > 0", ALL),
    ("creation_time > 0", ALL),
    ("creation_timestamp < 1000", set()),
    ("last_updated_timestamp > 0", ALL),
    ("metrics.acc = 0.5", {"linear"}),
    ("metrics.acc != 0.5", {"Forest", "boosted_1"}),
    ("metrics.acc > 0.5", {"Forest"}),
    ("metrics.acc >= 0.5", {"Forest", "linear"}),
    ("metrics.acc < 0", {"boosted_1"}),
    ("metrics.acc <= 0.5", {"linear", "boosted_1"}),
    ("metrics.err < 1", {"Forest"}),
    ("params.trees = '10'", {"Forest"}),
    ("params.trees != '10'", {"linear", "boosted_1"}),
    ("params.trees LIKE '10%'", {"Forest", "boosted_1"}),
    ("params.trees IN ('0', '100')", {"linear", "boosted_1"}),
    ("params.trees NOT IN ('0', '100')", {"Forest"}),
    ("tags.team = 'red'", {"linear"}),
    ("tags.team != 'red'", {"Forest", "boosted_1"}),
    ("tags.team LIKE 'R%'", {"Forest"}),
    ("tags.team ILIKE 'r%'", {"Forest", "linear"}),
    ("tags.team IN ('Red', 'blue')", {"Forest", "boosted_1"}),
    ("tags.`a b` = 'x'", {"linear"}),
    ("metrics.acc > 0 AND params.trees = '10' and tags.team = 'Red'", {"Forest"}),
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text or "no filter" for text, _ in FOUND])
def test_filter_finds(client: MlflowClient, fixed: Fixed, text: str, expected: set[str]) -> None:
    text = text.replace("<run>", fixed.run_id)
    for name, model_id in fixed.ids.items():
        text = text.replace(f"<{name}>", model_id)
    found = client.search_logged_models([fixed.experiment_id], filter_string=text or None)
    assert {model.name for model in found} == expected


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name > 'a'",
        "status >= 2",
        "metrics.acc LIKE '1'",
        "metrics.acc IN (1)",
        "params.trees > '1'",
        "tags.team > 'a'",
        "tags.team IS NULL",
        "metric.acc > 1",
        "param.trees = '1'",
        "tag.team = 'red'",
        "attribute.name = 'a'",
        "name = 'a' OR name = 'b'",
        "name == 'a'",
        "nothing = 'a'",
    ],
)
def test_filter_is_refused(client: MlflowClient, fixed: Fixed, text: str) -> None:
    with pytest.raises(RestException) as refusal:
        client.search_logged_models([fixed.experiment_id], filter_string=text)
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (None, ["deep", "boosted_1", "linear", "Forest"]),
        ([{"field_name": "creation_timestamp"}], ["Forest", "linear", "boosted_1", "deep"]),
        ([{"field_name": "creation_time", "ascending": False}], ["deep", "boosted_1", "linear", "Forest"]),
        ([{"field_name": "name"}], ["Forest", "boosted_1", "deep", "linear"]),
        ([{"field_name": "name", "ascending": False}], ["linear", "deep", "boosted_1", "Forest"]),
        ([{"field_name": "metrics.acc"}], ["boosted_1", "linear", "Forest", "deep"]),
        ([{"field_name": "metrics.acc", "ascending": False}], ["Forest", "linear", "boosted_1", "deep"]),
        (
            [{"field_name": "metrics.acc", "ascending": False, "dataset_name": "iris", "dataset_digest": "abc"}],
            ["Forest", "linear", "boosted_1", "deep"],
        ),
        ([{"field_name": "metrics.err", "ascending": False}], ["Forest", "deep", "boosted_1", "linear"]),
    ],
    ids=str,
)
def test_models_come_in_order(
    client: MlflowClient, fixed: Fixed, order_by: list[dict[str, object]] | None, expected: list[str]
) -> None:
    found = client.search_logged_models([fixed.experiment_id], order_by=order_by)
    assert [model.name for model in found] == expected


def test_datasets_restrict_the_metrics_of_a_filter(client: MlflowClient, fixed: Fixed) -> None:
    def search(text: str, **dataset: str) -> set[str]:
        found = client.search_logged_models([fixed.experiment_id], filter_string=text, datasets=[dataset])
        return {model.name for model in found}

    assert search("metrics.acc > 0", dataset_name="iris", dataset_digest="abc") == {"Forest", "linear"}
    assert search("metrics.acc > 0", dataset_name="iris", dataset_digest="other") == set()
    assert search("metrics.err > 0", dataset_name="iris", dataset_digest="abc") == set()


@pytest.mark.parametrize("size", [1, 3, 4])
def test_pages_joined_are_the_whole(client: MlflowClient, fixed: Fixed, size: int) -> None:
    seen, token = [], None
    while True:
        page = client.search_logged_models(
            [fixed.experiment_id], order_by=[{"field_name": "name"}], max_results=size, page_token=token
        )
        seen += [model.name for model in page]
        token = page.token
        if not token:
            break
    assert seen == ["Forest", "boosted_1", "deep", "linear"]


def test_a_token_belongs_to_its_search(rest: Rest, fixed: Fixed) -> None:
    body = {"experiment_ids": [fixed.experiment_id], "max_results": 1}
    token = rest.post("logged-models/search", body).json()["next_page_token"]
    answer = rest.post("logged-models/search", {**body, "page_token": token, "filter": "name = 'deep'"})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_a_broken_token_is_refused(rest: Rest, fixed: Fixed) -> None:
    answer = rest.post("logged-models/search", {"experiment_ids": [fixed.experiment_id], "page_token": "%%%"})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_experiment_ids_are_required(rest: Rest) -> None:
    assert_error(rest.post("logged-models/search", {}), 400, "INVALID_PARAMETER_VALUE")


def test_models_of_several_experiments_are_searched_together(client: MlflowClient) -> None:
    experiments = [client.create_experiment(fresh_name()) for _ in range(2)]
    created = {client.create_logged_model(experiment).model_id for experiment in experiments}
    assert {model.model_id for model in client.search_logged_models(experiments)} == created
