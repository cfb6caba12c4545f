"""One run with all its tabs."""

import pytest
from playwright.sync_api import expect

from tests.ui.seed import DEFAULT_EXPERIMENT_ID, DOCUMENT, IMAGE_SIDE_PIXELS, STEPS, TEXT, Seeded
from tests.ui.tracking_page import TrackingPage


def test_the_overview_shows_params_metrics_tags_and_the_child(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs/{seeded.good_run_id}")
    expect(page.tab.get_by_role("heading", name="good-run")).to_be_visible()
    expect(page.tab.get_by_text("Finished")).to_be_visible()
    expect(page.tab.get_by_text("Metrics (3)")).to_be_visible()
    expect(page.tab.get_by_text("Parameters (2)")).to_be_visible()
    expect(page.tab.get_by_role("row", name="acc 0.9", exact=True)).to_be_visible()
    expect(page.tab.get_by_role("row", name="model a", exact=True)).to_be_visible()
    expect(page.tab.get_by_text("exploration")).to_be_visible()
    expect(page.link("child-run")).to_be_visible()


def test_the_overview_shows_the_dataset_and_the_logged_model(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs/{seeded.trained_run_id}")
    expect(page.tab.get_by_role("heading", name="trained-model")).to_be_visible()
    expect(page.tab.get_by_text("tiny (")).to_be_visible()
    expect(page.link("classifier").first).to_be_visible()


@pytest.mark.parametrize(("tab", "charts"), [("model-metrics", 2), ("system-metrics", 1)])
def test_the_metric_tabs_draw_one_chart_a_metric(page: TrackingPage, seeded: Seeded, tab: str, charts: int) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs/{seeded.good_run_id}/{tab}")
    drawn = page.tab.locator(".js-plotly-plot")
    expect(drawn).to_have_count(charts)
    expect(drawn.first.locator(".scatterlayer .trace").first.locator("path.point")).to_have_count(STEPS)


def test_the_artifacts_tab_opens_folders_and_shows_a_text(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs/{seeded.good_run_id}/artifacts")
    page.tab.get_by_text("notes", exact=True).click()
    page.tab.get_by_text("note.txt", exact=True).click()
    expect(page.tab.get_by_text(TEXT)).to_be_visible()


def test_the_artifact_viewer_shows_a_document(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs/{seeded.good_run_id}/artifacts/document.json")
    expect(page.tab.get_by_text(str(DOCUMENT["greeting"]))).to_be_visible()


def test_the_artifact_viewer_shows_a_picture(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.experiment_id}/runs/{seeded.good_run_id}/artifacts/picture.png")
    picture = page.tab.locator("img[src^='blob:'], img[src^='data:'], img[src*='get-artifact']").first
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", IMAGE_SIDE_PIXELS)


def test_a_run_renamed_by_hand_keeps_its_new_name(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{DEFAULT_EXPERIMENT_ID}/runs/{seeded.misnamed_run_id}")
    expect(page.tab.get_by_role("heading", name="misnamed-run")).to_be_visible()
    page.tab.get_by_test_id("overflow-menu-trigger").click()
    page.tab.get_by_role("menuitem", name="Rename").click()
    dialog = page.tab.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("well-named-run")
    dialog.get_by_role("button", name="Save").click()
    expect(page.tab.get_by_role("heading", name="well-named-run")).to_be_visible()
    page.tab.reload()
    expect(page.tab.get_by_role("heading", name="well-named-run")).to_be_visible()
