"""Users of a real Keycloak: scripts by its tokens, people by a browser, and what becomes of both when it changes.

All that needs Keycloak is in this file, since it is heavy.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.eventually import wait_until
from tests.services.keycloak import Keycloak
from tests.services.ports import free_port
from tests.services.tcp_forwarder import TcpForwarder
from tests.tracklog_server import TracklogServer
from tests.ui.chromium import FLAGS, find_chromium
from tests.ui.conftest import WAIT_MS, missing
from tracklog.page.fetch import default_page_folder, is_complete

pytestmark = pytest.mark.service

REALM: Final = "lab"
PASSWORD: Final = "a password at keycloak"
LOCAL_PASSWORD: Final = "correct horse 42 battery"
SECRET: Final = "the secret of the client at keycloak"
ADMINS: Final = "tracklog-admins"
READERS: Final = "readers"

EXPERIMENT: Final = "experiments/get?experiment_id=0"

GROUPS_MAPPER: Final = {
    "name": "groups",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-group-membership-mapper",
    "config": {"claim.name": "groups", "full.path": "false", "access.token.claim": "true", "id.token.claim": "true"},
}
AUDIENCE_MAPPER: Final = {
    "name": "audience",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.client.audience": "tracklog", "access.token.claim": "true"},
}


def user(name: str, *groups: str) -> dict[str, Any]:
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "firstName": name,
        "lastName": name,
        "groups": list(groups),
        "credentials": [{"type": "password", "value": PASSWORD}],
    }


def client(name: str, *mappers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"clientId": name, "secret": SECRET, "redirectUris": ["*"], "protocolMappers": list(mappers), **more}


def realm() -> dict[str, Any]:
    """Access tokens of browsers live for seconds, so that the provider is asked again soon."""
    people = (user(name, ADMINS, READERS) for name in ("ada", "bea", "cleo", "dina", "emmy", "fay"))
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",  # none of them is worth much work
        "accessTokenLifespan": 5,
        "groups": [{"name": ADMINS}, {"name": READERS}],
        "users": [*people, user("admin", ADMINS)],
        "clients": [
            client("tracklog", GROUPS_MAPPER, attributes={"post.logout.redirect.uris": "+"}),
            client(
                *("training", GROUPS_MAPPER, AUDIENCE_MAPPER),
                directAccessGrantsEnabled=True,
                attributes={"access.token.lifespan": "600"},
            ),
            client("grafana", GROUPS_MAPPER, directAccessGrantsEnabled=True),
        ],
    }


class Lab:
    """A realm of a Keycloak, at an address from which it may go away."""

    def __init__(self, keycloak: Keycloak, way: TcpForwarder) -> None:
        self.keycloak = keycloak
        self._way = way
        self.issuer = f"http://127.0.0.1:{way.port}/realms/{REALM}"

    def token(self, name: str, client_id: str = "training", kind: str = "access_token") -> str:
        """A token that a script gets for a user."""
        form = {"client_id": client_id, "client_secret": SECRET, "username": name, "password": PASSWORD}
        form |= {"grant_type": "password", "scope": "openid"}
        return str(self.keycloak.token(REALM, base=f"http://127.0.0.1:{self._way.port}", **form)[kind])

    def change(self, name: str, **changed: Any) -> None:
        """Change what Keycloak knows of a user."""
        self.keycloak.ask("PUT", f"/{REALM}/users/{self.user_id(name)}", changed)

    def leave_group(self, name: str, group: str) -> None:
        user_id = self.user_id(name)
        groups = self.keycloak.ask("GET", f"/{REALM}/users/{user_id}/groups")
        (group_id,) = [one["id"] for one in groups if one["name"] == group]
        self.keycloak.ask("DELETE", f"/{REALM}/users/{user_id}/groups/{group_id}")

    def user_id(self, name: str) -> str:
        (found,) = self.keycloak.ask("GET", f"/{REALM}/users?exact=true&username={name}")
        return str(found["id"])

    def rotate_key(self) -> None:
        """Have tokens signed by a new key from now on; the former one stays known."""
        provider = {
            "name": "newer",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["1000"], "enabled": ["true"], "active": ["true"]},
        }
        self.keycloak.ask("POST", f"/{REALM}/components", provider)

    def go_away(self) -> None:
        self._way.point_at(free_port())

    def come_back(self) -> None:
        self._way.point_at(self.keycloak.port)


@pytest.fixture(scope="module")
def lab(keycloak_service: Keycloak) -> Iterator[Lab]:
    keycloak_service.ask("POST", "", realm())
    way = TcpForwarder(keycloak_service.port)
    yield Lab(keycloak_service, way)
    way.close()


@pytest.fixture(scope="module")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    folder = tmp_path_factory.mktemp("sso")
    environment = {"MLFLOW_AUTH_ADMIN_PASSWORD": LOCAL_PASSWORD, "TRACKLOG_OIDC_CLIENT_SECRET": SECRET}
    options = ("--app-name", "basic-auth", "--oidc-issuer-url", lab.issuer, "--oidc-client-id", "tracklog")
    with TracklogServer(folder, options=(*options, "--oidc-admin-group", ADMINS), environment=environment) as server:
        wait_until(lambda: asked(server, LOCAL_ADMIN, "users/current")[0] == 200)
        yield server


LOCAL_ADMIN: Final = "Basic " + b64encode(f"admin:{LOCAL_PASSWORD}".encode()).decode()


def asked(server: TracklogServer, authorization: str | None, path: str) -> tuple[int, str]:
    """Status and text of what one of MLflow's routes answers to a GET."""
    headers = {} if authorization is None else {"Authorization": authorization}
    request = urllib.request.Request(f"{server.url}/api/2.0/mlflow/{path}", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


STOCK_CLIENT: Final = """
import sys, mlflow

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("of a script")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.0)
assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 1.0}
"""


def test_a_script_logs_by_a_token_of_the_provider(server: TracklogServer, lab: Lab) -> None:
    credentials = {"MLFLOW_TRACKING_TOKEN": lab.token("ada")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment = {**inherited, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", **credentials}
    command = (sys.executable, "-c", STOCK_CLIENT, server.url)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_token_may_stand_in_the_place_of_a_password(server: TracklogServer, lab: Lab) -> None:
    authorization = "Basic " + b64encode(f"whoever:{lab.token('ada')}".encode()).decode()
    assert json.loads(asked(server, authorization, "users/current")[1])["user"]["username"] == "ada"


def test_a_user_who_is_called_admin_there_is_not_the_admin_here(server: TracklogServer, lab: Lab) -> None:
    status, said = asked(server, f"Bearer {lab.token('admin')}", EXPERIMENT)
    assert status == 403
    assert "another user has that name here" in said
    assert asked(server, LOCAL_ADMIN, EXPERIMENT)[0] == 200


def test_tokens_for_others_and_of_other_kinds_are_refused(server: TracklogServer, lab: Lab) -> None:
    for token in (
        lab.token("ada", "grafana"),
        lab.token("ada", kind="id_token"),
        lab.token("ada", kind="refresh_token"),
    ):
        assert asked(server, f"Bearer {token}", EXPERIMENT)[0] == 401


def test_a_token_with_a_new_key_of_the_provider_counts(server: TracklogServer, lab: Lab) -> None:
    before = lab.token("ada")
    assert asked(server, f"Bearer {before}", EXPERIMENT)[0] == 200
    lab.rotate_key()
    after = lab.token("ada")
    assert key_id(after) != key_id(before)
    wait_until(lambda: asked(server, f"Bearer {after}", EXPERIMENT)[0] == 200)
    assert asked(server, f"Bearer {before}", EXPERIMENT)[0] == 200


def key_id(token: str) -> str:
    import jwt

    return str(jwt.get_unverified_header(token)["kid"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        missing("Chromium is not installed (Debian: apt-get install chromium)")
    if not is_complete(default_page_folder()):
        missing("The page's files are not installed: tracklog fetch-page")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=WAIT_MS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that knows nobody."""
    context: BrowserContext = browser.new_context()
    context.set_default_timeout(WAIT_MS)
    yield context.new_page()
    context.close()


def log_in(tab: Page, server: TracklogServer, name: str, place: str = "/") -> None:
    """Come to `place` of the server, and fill in Keycloak's form on the way."""
    tab.goto(f"{server.url}{place}")
    tab.locator("#username").fill(name)
    tab.locator("#password").fill(PASSWORD)
    tab.locator("#kc-login").click()
    tab.wait_for_url(f"{server.url}/**")


ASK: Final = "async path => { const answer = await fetch(path); return [answer.status, await answer.text()] }"


def asked_in(tab: Page, path: str) -> tuple[int, str]:
    """What the page in a tab is answered to a request of its own."""
    status, text = tab.evaluate(ASK, f"/ajax-api/2.0/mlflow/{path}")
    return status, text


def is_answered_in(tab: Page, status: int, path: str = EXPERIMENT) -> bool:
    return asked_in(tab, path)[0] == status


def session_cookie(tab: Page) -> dict[str, Any]:
    (found,) = [one for one in tab.context.cookies() if one["name"].endswith("tracklog-session")]
    return dict(found)


def test_a_login_in_a_browser_leads_to_the_stock_page(server: TracklogServer, lab: Lab, tab: Page) -> None:
    refusals: list[str] = []
    tab.on("response", lambda got: refusals.append(got.url) if got.status >= 400 else None)
    log_in(tab, server, "bea", "/?workflowType=machine_learning")
    assert tab.url.startswith(f"{server.url}/?workflowType=machine_learning")
    expect(tab.get_by_text("Experiments").first).to_be_visible()
    assert json.loads(asked_in(tab, "users/current")[1])["user"]["username"] == "bea"
    assert [url for url in refusals if url.startswith(f"{server.url}/oidc") or "users/current" in url] == []
    cookie = session_cookie(tab)
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")


def test_a_page_of_another_port_of_this_host_uses_no_session(server: TracklogServer, lab: Lab, tab: Page) -> None:
    log_in(tab, server, "bea")
    tab.goto(f"{lab.issuer}/.well-known/openid-configuration")
    ask = "async url => { try { return (await fetch(url, {credentials: 'include'})).status } catch { return 0 } }"
    assert tab.evaluate(ask, f"{server.url}/ajax-api/2.0/mlflow/users/current") in (0, 401)
    post = "async url => (await fetch(url, {method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'})).type"
    tab.evaluate(post, f"{server.url}/ajax-api/2.0/mlflow/experiments/create?name=of+another+page")
    tab.goto(server.url)
    assert is_answered_in(tab, 404, "experiments/get-by-name?experiment_name=of+another+page")


def test_who_leaves_the_group_is_an_administrator_no_longer(server: TracklogServer, lab: Lab, tab: Page) -> None:
    log_in(tab, server, "cleo")
    assert is_answered_in(tab, 200)
    lab.leave_group("cleo", ADMINS)
    wait_until(partial(is_answered_in, tab, 403))
    assert is_answered_in(tab, 200, "users/current")


def test_who_is_disabled_is_let_in_no_longer(server: TracklogServer, lab: Lab, tab: Page) -> None:
    log_in(tab, server, "dina")
    assert is_answered_in(tab, 200)
    lab.change("dina", enabled=False)
    wait_until(partial(is_answered_in, tab, 401))
    tab.goto(server.url)
    expect(tab.locator("#kc-login, #kc-error-message").first).to_be_visible()


STOCK_LOGOUT: Final = """async () => {
    document.cookie = "mlflow_user=; expires=Thu, 01 Jan 1970 00:00:00 UTC; path=/;"
    await new Promise(done => {
        const asked = new XMLHttpRequest()
        asked.open("GET", new URL("ajax-api/2.0/mlflow/users/current", location.href), true, "out", "out")
        asked.onloadend = done
        asked.send()
    })
    location.assign(new URL(".", location.href))
}"""
"""What the stock page does where one logs out (static/js/main, 3.17.2)."""


@pytest.mark.parametrize("way", ["by the stock page", "by our own"])
def test_a_log_out_ends_the_session_here_and_at_the_provider(
    server: TracklogServer, lab: Lab, tab: Page, way: str
) -> None:
    log_in(tab, server, "emmy")
    value = session_cookie(tab)["value"]
    if way == "by the stock page":
        tab.evaluate(STOCK_LOGOUT)
    else:
        tab.goto(f"{server.url}/oidc/logout")
        tab.get_by_role("button", name="Log out").click()
    expect(tab.get_by_text("You are logged out.")).to_be_visible()
    assert [one["name"] for one in tab.context.cookies(server.url) if "session" in str(one["name"])] == []
    tab.get_by_role("link", name="Log in").click()
    expect(tab.locator("#kc-login")).to_be_visible()
    stolen = {"name": "tracklog-session", "value": value, "url": server.url}
    tab.context.add_cookies([stolen, {"name": "mlflow_user", "value": "emmy", "url": server.url}])  # type: ignore[list-item]
    tab.goto(server.url)
    expect(tab.locator("#kc-login")).to_be_visible()


def test_sessions_outlive_a_provider_that_is_away_and_new_logins_say_why(
    server: TracklogServer, lab: Lab, tab: Page, browser: Browser
) -> None:
    log_in(tab, server, "fay")
    script = f"Bearer {lab.token('ada')}"
    assert asked(server, script, EXPERIMENT)[0] == 200
    lab.go_away()
    try:
        wait_until(lambda: is_answered_in(tab, 200) and "sessions go on without" in server.log_tail(500))
        assert is_answered_in(tab, 200)
        assert asked(server, script, EXPERIMENT)[0] == 200
        other = browser.new_context().new_page()
        answer = other.goto(server.url)
        assert answer is not None
        assert answer.status == 503
        expect(other.get_by_text("cannot be asked")).to_be_visible()
        other.context.close()
    finally:
        lab.come_back()
    wait_until(lambda: leads_to_a_login(server))


def leads_to_a_login(server: TracklogServer) -> bool:
    """Whether who wants to log in comes to the provider's form."""
    try:
        with urllib.request.urlopen(f"{server.url}/oidc/login") as answer:
            return b"kc-login" in answer.read()
    except urllib.error.HTTPError:
        return False


def test_nothing_secret_is_told(server: TracklogServer, lab: Lab, tab: Page) -> None:
    seen: list[str] = []
    tab.on("request", lambda request: seen.append(request.url))
    log_in(tab, server, "bea")
    token = lab.token("ada")
    assert asked(server, f"Bearer {token}", EXPERIMENT)[0] == 200
    assert asked(server, f"Bearer {token}x", EXPERIMENT)[0] == 401
    (back,) = [url for url in seen if "/oidc/callback" in url]
    code = back.partition("code=")[2].partition("&")[0]
    cookie = session_cookie(tab)["value"]
    events = tab.evaluate("async () => (await fetch('/api/tracklog/v1/events?limit=1000')).text()")
    metrics = tab.evaluate("async () => (await fetch('/metrics')).text()")
    assert "user.created" in events
    assert "/oidc/callback" in server.log_tail(10_000)
    for text in (events, metrics, server.log_tail(100_000)):
        for secret in (code, cookie, token, token.split(".")[2], SECRET, PASSWORD):
            assert secret not in text
