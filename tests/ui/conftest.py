"""A filled server, one browser for all tests of the page, and a tab for each.

`TRACKLOG_TEST_SERVER_URL=http://...` points the tests at a running server (a real MLflow server shows what the page
does by itself); otherwise a Tracklog server is started.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ViewportSize, expect, sync_playwright

from tests.systems import WEBHOOKS
from tests.tracklog_server import REPOSITORY, TracklogServer
from tests.ui.chromium import FLAGS, DeadEnd, find_chromium
from tests.ui.seed import Seeded
from tests.ui.seed_registry import SeededRegistry
from tests.ui.tracking_page import TrackingPage
from tracklog.page.fetch import default_page_folder, is_complete

SERVER_URL_VARIABLE = "TRACKLOG_TEST_SERVER_URL"
WAIT_MS = 45_000
# For one thing to appear: half a second on an idle machine, many on one that two other test runs share.

SEED_TIMEOUT_S = 120
VIEWPORT = ViewportSize(width=1600, height=1000)

# Package scope, not session: Playwright's event loop runs in this thread as long as it lives, and another folder's
# asynchronous tests need that place.


def missing(what: str) -> None:
    """Skip on a laptop, fail in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of the browser's executable."""
    path = find_chromium()
    if path is None:
        missing("Chromium is not installed (Debian: apt-get install chromium)")
    return str(path)


@pytest.fixture(scope="package")
def server_url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of the server under test, without a slash at its end."""
    with server_to_test(tmp_path_factory.mktemp("server")) as url:
        yield url


@contextmanager
def server_to_test(folder: Path) -> Iterator[str]:
    """The base URL of a server on `folder`, or of the one that the environment names."""
    given = os.environ.get(SERVER_URL_VARIABLE)
    if given:
        yield given.rstrip("/")
        return
    if not is_complete(default_page_folder()):
        missing("The page's files are not installed: tracklog fetch-page")
    with TracklogServer(folder, environment=WEBHOOKS) as server:
        yield server.url


@pytest.fixture(scope="package")
def seeded(server_url: str) -> Seeded:
    """What a stock client has logged to the server."""
    return Seeded(**made_by("tests.ui.seed", server_url))


@pytest.fixture(scope="package")
def registry(server_url: str) -> SeededRegistry:
    """What a stock client has registered on the server."""
    return SeededRegistry(**made_by("tests.ui.seed_registry", server_url))


def made_by(module: str, server_url: str) -> Any:
    """What a module that fills a server says that it made."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "_MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", module, server_url],
        cwd=REPOSITORY,
        env={**inherited, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
        capture_output=True,
        text=True,
        timeout=SEED_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"the client could not fill the server:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="package")
def outside() -> Iterator[DeadEnd]:
    """What the browser finds in place of every other host."""
    with DeadEnd() as dead_end:
        yield dead_end


@pytest.fixture(scope="package")
def context(chromium: str, outside: DeadEnd) -> Iterator[BrowserContext]:
    """One browser with one cache: a cold load of the page is megabytes of scripts."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*FLAGS, f"--proxy-server={outside.url}"], timeout=WAIT_MS
        )
        context = browser.new_context(viewport=VIEWPORT, locale="en-GB", timezone_id="UTC")
        context.set_default_timeout(WAIT_MS)
        yield context
        browser.close()


@pytest.fixture
def page(
    context: BrowserContext, server_url: str, seeded: Seeded, outside: DeadEnd, request: pytest.FixtureRequest
) -> Iterator[TrackingPage]:
    """A fresh tab; the test fails when anything went wrong in it, or when it asked for another host."""
    with tab_on(server_url, context, outside, request) as page:
        yield page


@contextmanager
def tab_on(
    server_url: str, context: BrowserContext, outside: DeadEnd, request: pytest.FixtureRequest
) -> Iterator[TrackingPage]:
    """A fresh tab on a server, in which nothing may go wrong."""
    page = TrackingPage(context, server_url)
    yield page
    page.screenshot(request.node.name.removeprefix("test_"))
    page.tab.close()
    assert page.complaints == []
    assert outside.asked_for == []
