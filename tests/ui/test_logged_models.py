"""Logged models: their list and the page of one."""

from playwright.sync_api import expect

from tests.ui.seed import Seeded
from tests.ui.tracking_page import TrackingPage


def test_the_experiment_lists_its_logged_models(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/models")
    expect(page.link("classifier")).to_be_visible()
    expect(page.link("trained-model").first).to_be_visible()


def test_a_logged_model_shows_its_state_metrics_and_source_run(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/models/{seeded.model_id}")
    expect(page.tab.get_by_text("Ready", exact=True)).to_be_visible()
    expect(page.tab.get_by_text(seeded.model_id).first).to_be_visible()
    expect(page.link("trained-model").first).to_be_visible()
    expect(page.tab.get_by_text("Metrics (1)")).to_be_visible()


def test_a_logged_model_shows_its_files(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/models/{seeded.model_id}/artifacts")
    page.tab.get_by_text("MLmodel", exact=True).click()
    expect(page.tab.get_by_text("mlflow.sklearn").first).to_be_visible()
