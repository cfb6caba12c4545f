"""The runs of an experiment: table, filter, charts."""

from playwright.sync_api import expect

from tests.ui.seed import STEPS, Seeded
from tests.ui.tracking_page import TrackingPage


def test_the_table_lists_the_newest_runs_first(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs")
    page.shows_runs("trained-model", "other-run", "poor-run", "good-run")
    expect(page.tab.get_by_text("5 matching runs")).to_be_visible()
    expect(page.tab.get_by_text("tiny (")).to_be_visible()


def test_a_nested_run_unfolds_below_its_parent(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs")
    page.shows_runs("trained-model", "other-run", "poor-run", "good-run")
    page.run_row("good-run").get_by_role("button").click()
    page.shows_runs("trained-model", "other-run", "poor-run", "good-run", "child-run")


def test_a_filter_typed_by_hand_narrows_the_table(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs")
    page.shows_runs("trained-model", "other-run", "poor-run", "good-run")
    box = page.tab.get_by_placeholder("metrics.rmse < 1")
    box.fill("metrics.acc > 0.5 and params.model = 'a'")
    box.press("Enter")
    page.shows_runs("good-run")


def test_charts_draw_a_line_of_every_step(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs?compareRunsMode=CHART")
    chart = page.tab.locator(".js-plotly-plot").first
    expect(chart.locator(".scatterlayer .trace").first).to_be_visible()
    expect(chart.locator(".scatterlayer .trace").first.locator("path.point")).to_have_count(STEPS)
