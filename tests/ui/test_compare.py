"""Two runs side by side."""

import json

from playwright.sync_api import expect

from tests.ui.seed import Seeded
from tests.ui.tracking_page import TrackingPage


def test_runs_picked_in_the_table_are_compared(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs")
    page.shows_runs("trained-model", "other-run", "poor-run", "good-run")
    for name in ("good-run", "poor-run"):
        page.tick_run(name)
    page.button("Compare").click()
    expect(page.tab.get_by_role("heading", name="Comparing 2 Runs from 1 Experiment")).to_be_visible()
    for run_id in (seeded.good_run_id, seeded.poor_run_id):
        expect(page.link(run_id)).to_be_visible()
    expect(page.tab.get_by_role("row", name="Run Name:")).to_contain_text("good-run")
    expect(page.tab.get_by_role("row", name="Run Name:")).to_contain_text("poor-run")
    expect(page.tab.get_by_role("row", name="model a a", exact=True)).to_be_visible()
    expect(page.tab.get_by_role("rowgroup").filter(has_text="0.9")).to_contain_text("0.3")
    expect(page.tab.get_by_role("listitem").filter(has_text="document.json")).to_be_attached()


def test_the_metric_page_draws_both_runs_and_tells_their_extremes(page: TrackingPage, seeded: Seeded) -> None:
    runs = json.dumps([seeded.good_run_id, seeded.poor_run_id])
    experiments = json.dumps([seeded.experiment_id])
    page.open(f'/metric?runs={runs}&metric="acc"&experiments={experiments}&plot_metric_keys=["acc"]')
    expect(page.tab.locator(".js-plotly-plot .scatterlayer .trace path.js-line").first).to_be_visible()
    for name, latest, least in (("good-run", "0.9", "0.0225"), ("poor-run", "0.3", "0.0075")):
        row = f"{name} {latest} (step=39) {least} (step=0) {latest} (step=39)"
        expect(page.tab.get_by_role("row", name=row, exact=True)).to_be_visible()
