"""The list of experiments."""

from playwright.sync_api import expect

from tests.ui.seed import Seeded
from tests.ui.tracking_page import TrackingPage


def test_the_home_page_leads_to_the_experiments(page: TrackingPage, seeded: Seeded) -> None:
    page.open("/")
    expect(page.link(seeded.experiment_name)).to_be_visible()
    expect(page.link(seeded.other_experiment_name)).to_be_visible()


def test_the_search_box_narrows_the_list_of_experiments(page: TrackingPage, seeded: Seeded) -> None:
    page.open("/experiments")
    expect(page.link(seeded.experiment_name)).to_be_visible()
    expect(page.link(seeded.other_experiment_name)).to_be_visible()
    page.screenshot("experiments-all")
    search = page.tab.get_by_placeholder("Search experiments")
    search.fill(seeded.other_experiment_name[:8])
    search.press("Enter")
    expect(page.link(seeded.experiment_name)).to_have_count(0)
    expect(page.link(seeded.other_experiment_name)).to_be_visible()
