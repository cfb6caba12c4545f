"""An experiment opened as a person does: by its link, in the mode that the page itself chooses."""

from tests.ui.seed import Seeded
from tests.ui.tracking_page import TrackingPage


def test_the_link_of_an_experiment_leads_to_its_runs(page: TrackingPage, seeded: Seeded) -> None:
    page.open_as_first_visitor("/experiments")
    page.link(seeded.experiment_name).click()
    page.link("Training runs").click()
    page.shows_runs("trained-model", "other-run", "poor-run", "good-run")
