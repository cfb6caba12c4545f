"""A browser tab on the page under test, with everything that went wrong in it."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request, Response, expect

from tests.ui.expected_failures import expected_failure

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "ui-screenshots"

CANCELLED = "net::ERR_ABORTED"
# The page gave up a request itself, as it does with searches that a newer one replaces.

REFUSED_RESOURCE = "Failed to load resource: "
# How the browser itself begins its console message about an answer of 400 or more.

LATE_LAYOUT = "ResizeObserver loop completed with undelivered notifications."
# The browser puts off a part of the layout to the next frame; the page's charts report that as an error on any server.

VIDEOS = "https://mlflow.org/docs/latest/images/"
# A traces tab without traces shows a video from there. The tab is told that there is none: no test leaves the machine.


REPORT_ERROR_NOTES = """
new MutationObserver(changes => changes.flatMap(change => [...change.addedNodes])
    .filter(node => node.querySelector && node.matches("[class*='notification'], [class*='notification'] *"))
    .flatMap(node => [node, ...node.querySelectorAll("*")])
    .filter(node => node.matches("[class*='notification-notice-error']"))
    .forEach(note => console.error("shown to the user: " + note.innerText))
).observe(document, {childList: true, subtree: true})
"""
# The page's red notes vanish by themselves, before a test could look for them.


class TrackingPage:
    """One tab. What it collects in `complaints` must be empty at the end of a test."""

    def __init__(self, context: BrowserContext, server_url: str) -> None:
        self.tab: Page = context.new_page()
        # The page remembers unfolded rows and filters, which would leak from one test into the next.
        self.tab.add_init_script("localStorage.clear()")
        self.tab.add_init_script(REPORT_ERROR_NOTES)
        self.complaints: list[str] = []
        self._server_url = server_url
        self._refused: set[str] = set()  # URLs whose refusal was expected
        self.tab.route(f"{VIDEOS}**", lambda route: route.abort())
        self.tab.on("request", self._see_request)
        self.tab.on("response", self._see_response)
        self.tab.on("requestfailed", self._see_failed_request)
        self.tab.on("console", self._see_console_message)
        self.tab.on("pageerror", self._see_uncaught_error)

    def open(self, place: str) -> None:
        """Load `place`, an address behind the page's `#`, in the mode for training models."""
        news = self.button("Try it now")
        self.tab.add_locator_handler(news, lambda: news.click())  # lies over the list of registered models
        joint = "&" if "?" in place else "?"
        self.tab.goto(f"{self._server_url}/#{place}{joint}workflowType=machine_learning")

    def open_as_first_visitor(self, place: str) -> None:
        """Load `place` in the mode that the page chooses for a browser it has not seen."""
        hint = self.button("Got it")
        self.tab.add_locator_handler(hint, lambda: hint.click())  # it lies over everything until it is read
        self.tab.goto(f"{self._server_url}/#{place}")

    def link(self, name: str) -> Locator:
        """The link or links with exactly this text."""
        return self.tab.get_by_role("link", name=name, exact=True)

    def button(self, name: str) -> Locator:
        """The button with exactly this text."""
        return self.tab.get_by_role("button", name=name, exact=True)

    def shows_runs(self, *names: str) -> None:
        """Wait until the table of runs lists exactly these, in this order."""
        expect(self.tab.locator("[role=gridcell] a[href*='/runs/']")).to_have_text(list(names))

    def run_row(self, name: str) -> Locator:
        """The row of the table of runs that holds this run."""
        return self.tab.get_by_role("row").filter(has=self.link(name))

    def tick_run(self, name: str) -> None:
        """Tick the box of the run in the table of runs."""
        self.run_row(name).get_by_role("checkbox", name="Press Space to toggle row selection").check()

    def show_lifecycle_stage(self, stage: str) -> None:
        """Switch the table of runs to the "Active" or the "Deleted" ones."""
        self.tab.get_by_role("combobox", name="State, selected option").click()
        self.tab.get_by_role("option", name=stage).click()

    def screenshot(self, name: str) -> None:
        """Keep a picture of the tab under `build/ui-screenshots`."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=SCREENSHOTS / f"{name}.png")

    def _see_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._server_url}/", "data:", "blob:", VIDEOS)):
            self.complaints.append(f"another host: {request.url}")

    def _see_response(self, response: Response) -> None:
        if response.status < 400:
            return
        if expected_failure(response.request.method, urlsplit(response.url).path, response.status) is not None:
            self._refused.add(response.url)
        else:
            self.complaints.append(f"{response.status} to {response.request.method} {response.url}")

    def _see_uncaught_error(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error}")

    def _see_failed_request(self, request: Request) -> None:
        if request.failure != CANCELLED and not request.url.startswith(VIDEOS):
            self.complaints.append(f"{request.failure} for {request.method} {request.url}")

    def _see_console_message(self, message: ConsoleMessage) -> None:
        if message.type != "error" or message.text.endswith(LATE_LAYOUT) or message.location["url"].startswith(VIDEOS):
            return
        if message.text.startswith(REFUSED_RESOURCE) and message.location["url"] in self._refused:
            return
        self.complaints.append(f"console: {message.text}")
