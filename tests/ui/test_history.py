"""The page of the history: read with and without script, filtered, followed while things happen, and undone from."""

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient
from playwright.sync_api import BrowserContext, expect

from tests.ui.seed import Seeded
from tests.ui.tracking_page import SCREENSHOTS, TrackingPage

SCRIPT = "<script>document.title = 'mine'</script>"


@pytest.fixture
def client(server_url: str) -> MlflowClient:
    return MlflowClient(server_url)


@pytest.fixture
def run_id(client: MlflowClient, seeded: Seeded) -> Iterator[str]:
    """A run of a test's own, which no other test sees in its lists."""
    run = client.create_run(seeded.other_experiment_id, run_name="with a history")
    client.set_tag(run.info.run_id, "quality", "good")
    client.set_tag(run.info.run_id, "note", SCRIPT)
    yield run.info.run_id
    client.delete_run(run.info.run_id)


def test_a_run_is_read_from_its_newest_event_on(
    page: TrackingPage, server_url: str, client: MlflowClient, run_id: str
) -> None:
    for step in range(8):
        client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
    client.set_terminated(run_id)
    page.tab.goto(f"{server_url}/history")
    page.tab.get_by_label("About").select_option("run")
    page.tab.get_by_label("whose id or name is").fill(run_id)
    page.button("Show").click()
    expect(page.tab).to_have_url(f"{server_url}/history?order=newest&run_id={run_id}")
    expect(page.tab.get_by_role("heading", name=f"History of run {run_id}")).to_be_visible()
    lines = page.tab.locator("#timeline > li")
    # That the run ended, what it logged in one line with both tags, and that it was created.
    expect(lines).to_have_count(3)
    expect(lines.nth(0)).to_contain_text('status = "FINISHED"')
    expect(lines.nth(1)).to_contain_text("logged data 10 times")
    expect(lines.nth(2)).to_contain_text('created the run "with a history"')
    lines.nth(1).locator("summary").focus()
    page.tab.keyboard.press("Enter")
    expect(lines.nth(1).get_by_text(SCRIPT)).to_be_visible()
    expect(page.tab).to_have_title(f"History of run {run_id}")


def test_more_is_loaded_into_the_page(page: TrackingPage, server_url: str, run_id: str) -> None:
    page.tab.goto(f"{server_url}/history?run_id={run_id}&limit=2")
    lines = page.tab.locator("#timeline > li.entry")
    expect(lines).to_have_count(2)
    page.link("More").click()
    expect(lines).to_have_count(3)
    expect(page.link("More")).to_have_count(0)
    expect(page.tab).to_have_url(f"{server_url}/history?run_id={run_id}&limit=2")


def test_what_happens_appears_while_the_page_is_live(
    page: TrackingPage, server_url: str, client: MlflowClient, run_id: str
) -> None:
    page.tab.goto(f"{server_url}/history?run_id={run_id}")
    page.button("Live").click()
    expect(page.tab.get_by_role("status")).to_have_text("What happens is shown at once.")
    client.set_tag(run_id, "quality", "seen live")
    expect(page.tab.locator("#timeline > li").first).to_contain_text('tag quality = "seen live"')


def test_an_event_says_what_it_changed_and_is_undone_by_a_plan(
    page: TrackingPage, server_url: str, client: MlflowClient, run_id: str
) -> None:
    client.set_tag(run_id, "quality", "bad")
    page.tab.goto(f"{server_url}/history?run_id={run_id}&field=tags.quality&value=bad")
    page.link('logged tag quality = "bad"').click()
    expect(page.tab.get_by_role("row", name="quality")).to_contain_text("good")
    page.button("This event").click()
    plan = page.tab.locator(".plan")
    expect(plan.get_by_role("row").nth(2)).to_contain_text("tags.quality")
    assert client.get_run(run_id).data.tags["quality"] == "bad"
    page.screenshot("history-plan")
    page.button("Undo this").click()
    expect(plan).to_contain_text("Undone, by 1 event, which can be undone too:")
    assert client.get_run(run_id).data.tags["quality"] == "good"
    page.link(f"run.data-logged of run/{run_id}").click()
    expect(page.tab.get_by_role("heading", name='logged tag quality = "good", undoing 1 event')).to_be_visible()
    page.button("This event").click()
    page.button("Undo this").click()
    expect(plan).to_contain_text("Undone")
    assert client.get_run(run_id).data.tags["quality"] == "bad"


def test_what_was_changed_later_is_undone_with_it_once_that_is_shown(
    page: TrackingPage, server_url: str, client: MlflowClient, run_id: str
) -> None:
    for value in ("bad", "worse"):
        client.set_tag(run_id, "quality", value)
    page.tab.goto(f"{server_url}/history?run_id={run_id}&field=tags.quality&value=bad")
    page.link('logged tag quality = "bad"').click()
    page.button("This event").click()
    plan = page.tab.locator(".plan")
    expect(plan).to_contain_text("Nothing would change.")
    page.button("Show it with what was changed later").click()
    expect(plan.get_by_role("row").nth(2)).to_contain_text('"worse"')
    page.button("Undo this").click()
    expect(plan).to_contain_text("Undone")
    assert client.get_run(run_id).data.tags["quality"] == "good"


def test_an_error_is_a_page_too(page: TrackingPage, server_url: str) -> None:
    page.tab.route("**/favicon.ico", lambda route: route.abort())
    answer = page.tab.request.get(f"{server_url}/history?since=yesterday")
    assert (answer.status, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "since" in answer.text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_is_read_without_script_on_any_screen(
    context: BrowserContext, server_url: str, run_id: str, scheme: str, width: int
) -> None:
    browser = context.browser
    assert browser is not None
    plain = browser.new_context(
        java_script_enabled=False,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    try:
        tab = plain.new_page()
        tab.goto(f"{server_url}/history?run_id={run_id}&limit=2")
        expect(tab.locator("#timeline > li.entry")).to_have_count(2)
        tab.get_by_role("link", name="More").click()
        expect(tab.locator("#timeline > li.entry")).to_have_count(1)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=SCREENSHOTS / f"history-{scheme}.png", full_page=True)
        tab.keyboard.press("Tab")
        expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    finally:
        plain.close()
