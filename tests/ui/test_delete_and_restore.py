"""Deleting a run by hand, and getting it back."""

from tests.ui.seed import Seeded
from tests.ui.tracking_page import TrackingPage


def test_a_run_deleted_in_the_table_comes_back_when_restored(page: TrackingPage, seeded: Seeded) -> None:
    page.open(f"/experiments/{seeded.other_experiment_id}/runs")
    page.shows_runs("doomed-run")
    page.tick_run("doomed-run")
    page.button("Delete").click()
    page.tab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.shows_runs()
    page.screenshot("run-deleted")

    page.show_lifecycle_stage("Deleted")
    page.shows_runs("doomed-run")
    page.tick_run("doomed-run")
    page.button("Restore").click()
    page.tab.get_by_role("dialog").get_by_role("button", name="Restore").click()
    page.shows_runs()

    page.show_lifecycle_stage("Active")
    page.shows_runs("doomed-run")
