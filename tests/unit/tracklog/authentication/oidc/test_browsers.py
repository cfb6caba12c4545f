"""What a browser is let in by, and where it is led: cookies, navigations, and pages of other origins."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient

from schemas.errors import Unauthenticated
from schemas.principal import Principal
from schemas.rest.request_keys import PRINCIPAL
from schemas.rest.route import NO_PREFIX, READ_LIMITS, Kind, Permission, Route
from tests.unit.tracklog.authentication.oidc.provider_keys import ISSUER, SETTINGS
from tests.unit.tracklog.authentication.oidc.test_login import Told, id_token, login
from tests.unit.tracklog.authentication.oidc.test_sessions import Lab
from tests.unit.tracklog.authentication.test_door import Notes
from tests.web_server import WebServer
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.browsers import MARKER, Browsers
from tracklog.authentication.oidc.login import Attempt
from tracklog.authentication.oidc.provider import GrantRefused, ProviderAway
from tracklog.authentication.oidc.routes import BrowserLogin, login_routes
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app

PAGE = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
OWN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}

Client = TestClient[web.Request, web.Application]


class HeadersAlone:
    """Knows root, by a header, and nobody else."""

    def __init__(self) -> None:
        self.history = Notes()

    def recall(self, header: str) -> Principal | None:
        return Principal("root", is_admin=True) if header == "root" else None

    async def authenticate(self, header: str | None, address: str) -> Principal:
        raise Unauthenticated("You are not authenticated.")

    async def principal_of(self, user: str) -> Principal:
        return Principal(user)


async def tell(request: web.Request) -> web.StreamResponse:
    return web.json_response(request[PRINCIPAL].user)


def route(method: str, path: str) -> Route:
    return Route(
        method=method,
        path=path,
        prefixes=NO_PREFIX,
        handler=tell,
        kind=Kind.READ,
        permission=Permission.AUTHENTICATED,
        limits=READ_LIMITS,
    )


class Door(Lab):
    """A server with single sign-on; `provider` gives what the test says."""

    def __init__(self, prefix: str = "", *, is_https: bool = False) -> None:
        super().__init__()
        self.provider = Told()
        self.name = f"{'__Secure-' if prefix else '__Host-'}tracklog-session" if is_https else "tracklog-session"
        accounts = Accounts(self.users)
        accounts.create = self.users.create
        browsers = Browsers(self.one, prefix, lambda _: is_https)
        pages = BrowserLogin(SETTINGS, login(self.provider), self.one, accounts, browsers, prefix)
        self.app = create_app(
            [*login_routes(pages), route("GET", "/"), route("POST", "/api/change")],
            WebSettings(static_prefix=prefix),
            authenticator=HeadersAlone(),
            browsers=browsers,
        )

    async def cookies(self) -> dict[str, str]:
        """Those of ada, who has logged in."""
        return {self.name: await self.begin(), MARKER: "ada"}


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def client(door: Door) -> AsyncIterator[Client]:
    async with TestClient(WebServer(door.app), cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


async def status(client: Client, method: str = "GET", path: str = "/", **options: Any) -> int:
    async with client.request(method, path, allow_redirects=False, **options) as answer:
        return answer.status


async def test_a_browser_on_its_way_to_a_page_is_led_to_log_in(client: Client) -> None:
    async with client.get("/?a=b%20c", headers=PAGE, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/oidc/login?next=%2F%3Fa%3Db%2520c")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/", {"Accept": "application/json"}),
        ("GET", "/", {**PAGE, "Sec-Fetch-Mode": "cors"}),
        ("GET", "/", {**PAGE, "Authorization": "wrong"}),
        ("HEAD", "/", PAGE),
        ("POST", "/api/change", PAGE),
    ],
)
async def test_others_are_told_that_they_are_not_known(
    client: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    async with client.request(method, path, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_the_cookie_of_a_session_lets_its_user_in(door: Door, client: Client) -> None:
    async with client.get("/", headers=OWN, cookies=await door.cookies()) as answer:
        assert (answer.status, await answer.json()) == (200, "ada")


async def test_credentials_in_the_header_count_and_the_cookie_does_not(door: Door, client: Client) -> None:
    cookies = await door.cookies()
    async with client.get("/", headers={**OWN, "Authorization": "root"}, cookies=cookies) as answer:
        assert await answer.json() == "root"
    assert await status(client, headers={**OWN, "Authorization": "wrong"}, cookies=cookies) == 401


HERE = "http://{host}"
ELSEWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", OWN, 200),
        ("GET", PAGE, 200),
        ("GET", {**PAGE, "Sec-Fetch-Site": "cross-site"}, 200),
        ("GET", {}, 200),
        ("GET", {"Origin": HERE}, 200),
        ("GET", {"Origin": ELSEWHERE}, 401),
        ("GET", {"Origin": "null"}, 401),
        ("GET", {**OWN, "Sec-Fetch-Site": "same-site"}, 401),
        ("GET", {**OWN, "Sec-Fetch-Site": "cross-site"}, 401),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 401),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 401),
        ("POST", {**OWN, "Origin": HERE}, 200),
        ("POST", OWN, 200),
        ("POST", {"Origin": HERE}, 200),
        ("POST", {}, 401),
        ("POST", PAGE, 401),
        ("POST", {"Origin": ELSEWHERE}, 401),
        ("POST", {**OWN, "Origin": ELSEWHERE}, 401),
        ("POST", {**OWN, "Sec-Fetch-Site": "same-site"}, 401),
        ("POST", {**PAGE, "Sec-Fetch-Site": "cross-site", "Origin": HERE}, 401),
    ],
)
async def test_a_cookie_counts_for_pages_of_ours_alone(
    door: Door, client: Client, method: str, headers: dict[str, str], expected: int
) -> None:
    own = f"{client.host}:{client.port}"
    sent = {name: value.format(host=own) for name, value in headers.items()}
    path = "/" if method == "GET" else "/api/change"
    # A page of this machine may send changes here; that of another port is told so by the policy of origins.
    got = await status(client, method, path, headers=sent, cookies=await door.cookies())
    assert got == expected


async def test_an_ended_session_has_no_browser_ask_for_a_password(door: Door, client: Client) -> None:
    cookies = await door.cookies()
    await door.one.forget(cookies[door.name])
    async with client.get("/", headers=OWN, cookies=cookies) as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="mlflow"')


async def test_the_stock_pages_log_out_ends_the_session(door: Door, client: Client) -> None:
    cookies = await door.cookies()
    without = {door.name: cookies[door.name]}
    assert await status(client, headers={**OWN, "Sec-Fetch-Site": "same-site"}, cookies=without) == 401
    assert await status(client, headers=OWN, cookies=cookies) == 200  # that was not our page
    assert await status(client, headers=OWN, cookies=without) == 401
    assert await status(client, headers=OWN, cookies=cookies) == 401
    async with client.get("/", headers=PAGE, cookies=cookies, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/oidc/logout"
    async with client.get("/oidc/logout", headers=PAGE, cookies=cookies, allow_redirects=False) as answer:
        assert answer.headers["Location"].startswith(f"{ISSUER}/out?")
        assert answer.cookies[door.name]["max-age"] == "0"
    assert door.store.secrets == {}


async def test_a_log_out_of_ours_needs_the_token_of_its_form(door: Door, client: Client) -> None:
    cookies = await door.cookies()
    async with client.get("/oidc/logout", cookies=cookies) as answer:
        form_token = (await answer.text()).partition('value="')[2].partition('"')[0]
    for wrong in ({}, {"form_token": "x"}, {"form_token": "é"}):
        assert await status(client, "POST", "/oidc/logout", data=wrong, cookies=cookies) == 403
    assert await status(client, headers=OWN, cookies=cookies) == 200
    assert await status(client, "POST", "/oidc/logout", data={"form_token": form_token}, cookies=cookies) == 303
    assert await status(client, headers=OWN, cookies=cookies) == 401


async def begun(client: Client, path: str = "/oidc/login?next=/%3Fa%3Db") -> tuple[Attempt, dict[str, str]]:
    """A login that a browser has begun, and what it keeps of it."""
    async with client.get(path, allow_redirects=False) as answer:
        assert answer.status == 302
        ((name, cookie),) = answer.cookies.items()
        assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "600")
        client.session.cookie_jar.clear()
        attempt = Attempt.read(cookie.value)
        assert attempt is not None
        return attempt, {name: cookie.value}


async def test_a_login_begins_a_session_and_leads_back(door: Door, client: Client) -> None:
    attempt, cookies = await begun(client)
    door.provider.given = {"id_token": id_token(attempt), "refresh_token": "refresh"}
    back = f"/oidc/callback?code=c&state={attempt.state}&iss={ISSUER}"
    async with client.get(back, cookies=cookies, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/?a=b")
        cookie = answer.cookies["tracklog-session"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")
    session = {"tracklog-session": cookie.value, MARKER: "ada"}
    assert await status(client, headers=OWN, cookies=session) == 200


async def test_a_session_that_was_there_before_a_login_is_another_and_ends(door: Door, client: Client) -> None:
    planted = await door.cookies()
    attempt, cookies = await begun(client)
    door.provider.given = {"id_token": id_token(attempt)}
    back = f"/oidc/callback?code=c&state={attempt.state}"
    async with client.get(back, cookies={**cookies, **planted}, allow_redirects=False) as answer:
        assert answer.cookies["tracklog-session"].value != planted["tracklog-session"]
    client.session.cookie_jar.clear()
    assert await status(client, headers=OWN, cookies=planted) == 401


async def test_an_answer_to_a_login_that_this_browser_has_not_begun_is_refused(door: Door, client: Client) -> None:
    attempt, cookies = await begun(client)
    other, others = await begun(client)
    door.provider.given = {"id_token": id_token(attempt)}
    back = f"/oidc/callback?code=c&state={attempt.state}"
    assert await status(client, path=back) == 400
    assert await status(client, path=back, cookies=others) == 400
    name = next(iter(cookies))
    assert await status(client, path=back, cookies={name: next(iter(others.values()))}) == 400
    assert await status(client, path=f"{back}&iss=https://evil.example.com", cookies=cookies) == 400
    refused = f"/oidc/callback?error=access_denied&state={attempt.state}"
    assert await status(client, path=refused, cookies=cookies) == 403
    assert await status(client, path="/oidc/callback?code=c") == 400
    assert other.state != attempt.state
    assert door.provider.grants == []


@pytest.mark.parametrize("next_", ["//evil.example.com", "https://evil.example.com", "/\\evil.example.com", "", "evil"])
async def test_a_login_leads_nowhere_else(client: Client, next_: str) -> None:
    async with client.get("/oidc/login", params={"next": next_}, allow_redirects=False) as answer:
        ((_, cookie),) = answer.cookies.items()
    attempt = Attempt.read(cookie.value)
    assert attempt is not None
    assert attempt.back_to == "/"


@pytest.mark.parametrize(
    ("raised", "expected"), [(ProviderAway("It is away: <why>."), 503), (GrantRefused(), 400)], ids=["away", "used"]
)
async def test_a_login_that_fails_says_why(
    door: Door, client: Client, monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: int
) -> None:
    attempt, cookies = await begun(client)

    async def fail(**grant: str) -> dict[str, Any]:
        raise raised

    monkeypatch.setattr(door.provider, "tokens", fail)
    back = f"/oidc/callback?code=c&state={attempt.state}"
    async with client.get(back, cookies=cookies, allow_redirects=False) as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (expected, "text/html")
        assert "<why>" not in text
        assert "tracklog-session" not in answer.cookies


async def test_who_has_another_users_name_is_told_so(door: Door, client: Client) -> None:
    attempt, cookies = await begun(client)
    door.provider.given = {"id_token": id_token(attempt, sub="x", preferred_username="admin")}
    back = f"/oidc/callback?code=c&state={attempt.state}"
    async with client.get(back, cookies=cookies, allow_redirects=False) as answer:
        assert answer.status == 403
        assert "another user has that name" in await answer.text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prefix", "name", "path"),
    [("", "__Host-tracklog-session", "/"), ("/lab", "__Secure-tracklog-session", "/lab")],
    ids=["at the root", "below a prefix"],
)
async def test_by_https_the_cookie_is_of_https_alone(prefix: str, name: str, path: str) -> None:
    door = Door(prefix, is_https=True)
    async with TestClient(WebServer(door.app), cookie_jar=CookieJar(unsafe=True)) as client:
        attempt, cookies = await begun(client, f"{prefix}/oidc/login?next=/elsewhere")
        assert attempt.back_to == (f"{prefix}/" if prefix else "/elsewhere")
        door.provider.given = {"id_token": id_token(attempt)}
        back = f"{prefix}/oidc/callback?code=c&state={attempt.state}"
        async with client.get(back, cookies=cookies, allow_redirects=False) as answer:
            cookie = answer.cookies[name]
            assert (cookie["secure"], cookie["path"], cookie["httponly"]) == (True, path, True)
        session = {name: cookie.value, MARKER: "ada"}
        client.session.cookie_jar.clear()
        assert await status(client, path=f"{prefix}/", headers=OWN, cookies=session) == 200
        plain = {"tracklog-session": cookie.value, MARKER: "ada"}
        assert await status(client, path=f"{prefix}/", headers=OWN, cookies=plain) == 401
        assert door.provider.grants[0]["redirect_uri"].startswith("https://")
