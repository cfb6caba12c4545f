"""The pages of what evaluates: datasets with their records, judges, and what people are asked to review."""

import json
import uuid
from typing import Any

import pytest
import requests
from playwright.sync_api import Route, expect

from tests.ui.tracking_page import TrackingPage

JUDGE = {
    "name": "kindness",
    "aggregations": [],
    "mlflow_version": "3.17.2",
    "serialization_version": 1,
    "instructions_judge_pydantic_data": {
        "instructions": "Is {{ outputs }} kind?",
        "model": "openai:/gpt-5",
        "feedback_value_type": {"type": "string"},
    },
}


@pytest.fixture
def experiment_id(server_url: str) -> str:
    """An experiment with a dataset of one record, a judge and a review queue."""

    def post(path: str, body: Any, version: str = "3.0") -> Any:
        answer = requests.post(f"{server_url}/api/{version}/mlflow/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    created = post("experiments/create", {"name": f"evaluation-{uuid.uuid4().hex[:8]}"}, "2.0")
    experiment_id: str = created["experiment_id"]
    dataset = post("datasets/create", {"name": "hard questions", "experiment_ids": [experiment_id]})["dataset"]
    records = [{"inputs": {"question": "What is seven times eight?"}, "expectations": {"answer": "56"}}]
    post(f"datasets/{dataset['dataset_id']}/records", {"records": json.dumps(records)})
    of_it = {"experiment_id": experiment_id}
    post("scorers/register", {**of_it, "name": "kindness", "serialized_scorer": json.dumps(JUDGE)})
    post("review-queues/create", {**of_it, "name": "Hard ones", "queue_type": "CUSTOM"})
    return experiment_id


def test_a_dataset_shows_its_records(page: TrackingPage, experiment_id: str) -> None:
    page.open_as_first_visitor(f"/experiments/{experiment_id}/datasets")
    page.tab.get_by_text("hard questions").first.click()
    expect(page.tab.get_by_text("seven times eight").first).to_be_visible()
    page.screenshot("evaluation-dataset")


def test_a_judge_is_listed_where_the_page_believes_in_a_gateway(page: TrackingPage, experiment_id: str) -> None:
    """Without one it invites to make judges, and asks for none."""

    def with_gateway(route: Route) -> None:
        info = route.fetch().json()
        route.fulfill(json={**info, "features_enabled": {**info["features_enabled"], "gateway": True}})

    page.tab.route("**/server-info", with_gateway)
    page.open_as_first_visitor(f"/experiments/{experiment_id}/judges")
    page.tab.get_by_text("kindness").first.click()
    expect(page.tab.get_by_text("Is {{ outputs }} kind?").first).to_be_visible()
    page.screenshot("judges")


def test_a_review_queue_is_listed(page: TrackingPage, experiment_id: str) -> None:
    page.open_as_first_visitor(f"/experiments/{experiment_id}/review-queue")
    expect(page.tab.get_by_text("Hard ones").first).to_be_visible()
    page.screenshot("review-queue")
