"""A first visit: pages of features in which nothing was stored say so, and none says that something failed."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import BrowserContext, expect

from tests.ui.chromium import DeadEnd
from tests.ui.conftest import server_to_test, tab_on
from tests.ui.tracking_page import TrackingPage

FAILED = re.compile(r"fail|went wrong|unable to|could ?n[o']t|not implemented|try again", re.IGNORECASE)


@pytest.fixture(scope="module")
def unvisited_url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server to which no other test logs."""
    with server_to_test(tmp_path_factory.mktemp("unvisited")) as url:
        yield url


@pytest.fixture
def page(
    context: BrowserContext, unvisited_url: str, outside: DeadEnd, request: pytest.FixtureRequest
) -> Iterator[TrackingPage]:
    """A fresh tab on that server."""
    with tab_on(unvisited_url, context, outside, request) as page:
        yield page


@pytest.fixture(scope="module")
def empty_experiment(unvisited_url: str) -> str:
    """The id of an experiment in which nothing is."""
    answer = requests.post(
        f"{unvisited_url}/api/2.0/mlflow/experiments/create", json={"name": "visited-first"}, timeout=30
    )
    return str(answer.json()["experiment_id"])


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/experiments/EXPERIMENT/overview/usage", "No data available for the selected time range"),
        ("/experiments/EXPERIMENT/overview/quality", "No assessments available"),
        ("/experiments/EXPERIMENT/traces", "Start tracing your LLM application"),
        ("/experiments/EXPERIMENT/evaluation-runs", "Evaluate and improve the quality"),
        ("/experiments/EXPERIMENT/datasets", "Create an evaluation dataset"),
        ("/experiments/EXPERIMENT/judges", "Create and manage judges"),
        ("/models", "Share and manage machine learning models"),
        ("/prompts", "Create your first prompt"),
        ("/mcp-registry", "Register and catalog MCP servers"),
        ("/settings/webhooks", "No webhooks configured"),
    ],
)
def test_a_page_without_data_says_so(page: TrackingPage, empty_experiment: str, place: str, words: str) -> None:
    page.open_as_first_visitor(place.replace("EXPERIMENT", empty_experiment))
    expect(page.tab.get_by_text(words).first).to_be_visible()
    assert not FAILED.search(page.tab.locator("main").inner_text())
