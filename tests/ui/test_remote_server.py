"""The well-known remote set-up: one server on PostgreSQL and an S3-compatible store, a training elsewhere, the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.compatibility.training import run_script
from tests.systems import RunningSystem, running_system
from tests.ui.tracking_page import TrackingPage


@pytest.fixture(scope="module")
def remote(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system("postgresql", tmp_path_factory.mktemp("remote"), request) as system:
        yield system


def test_a_forest_trained_on_a_remote_server_is_in_the_page_and_its_model_loads(
    context: BrowserContext, remote: RunningSystem
) -> None:
    trained = run_script("random_forest_tutorial.py", remote.url)
    assert trained["agrees"]
    page = TrackingPage(context, remote.url)
    page.open(f"/experiments/{trained['experiment_id']}/runs/{trained['run_id']}")
    expect(page.tab.get_by_role("heading", name="forest")).to_be_visible()
    expect(page.tab.get_by_role("row", name="n_estimators 100", exact=True)).to_be_visible()
    expect(page.tab.get_by_text("training_score", exact=True).first).to_be_visible()
    page.open(f"/experiments/{trained['experiment_id']}/runs/{trained['run_id']}/artifacts")
    expect(page.tab.get_by_text("estimator.html", exact=True)).to_be_visible()
    page.screenshot("remote-forest")
    page.tab.close()
    assert page.complaints == []
