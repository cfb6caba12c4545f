"""The pages of traces: the overview of an experiment, the list, one with its spans, a session, evaluation runs."""

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import made_by
from tests.ui.seed_traces import SESSION, SeededTraces
from tests.ui.tracking_page import TrackingPage


@pytest.fixture(scope="package")
def traces(server_url: str) -> SeededTraces:
    """What a stock client has traced."""
    return SeededTraces(**made_by("tests.ui.seed_traces", server_url))


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("overview/usage", "Tokens per Trace"),
        ("overview/quality", "is_short"),
        ("overview/tool-calls", "look_up"),
        (f"chat-sessions/{SESSION}", "And tomorrow?"),
        ("evaluation-runs", "is_short/mean"),
    ],
)
def test_a_page_of_traces_shows_what_was_traced(
    page: TrackingPage, traces: SeededTraces, place: str, shown: str
) -> None:
    page.open_as_first_visitor(f"/experiments/{traces.experiment_id}/{place}")
    expect(page.tab.get_by_text(shown).first).to_be_visible()


def test_a_trace_shows_its_spans(page: TrackingPage, traces: SeededTraces) -> None:
    page.open_as_first_visitor(f"/experiments/{traces.experiment_id}/traces?selectedEvaluationId={traces.answered_id}")
    expect(page.tab.get_by_text("Will it rain today?", exact=True).last).to_be_visible()
    page.tab.get_by_text("look_up", exact=True).last.click()
    expect(page.tab.get_by_text("rain in Paris", exact=True).last).to_be_visible()
