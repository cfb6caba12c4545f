"""The form by which an administrator makes a user."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from ingest.users.sign_up import COOKIE, sign_up_routes
from schemas.errors import TracklogError
from schemas.rest.request_keys import ACTOR, PRINCIPAL, REQUEST_ID
from schemas.rest.route import Permission
from tests.unit.ingest.doubles import ANN
from tests.unit.ingest.users.test_commands import ROOT, SECRET, Accounts

Client = TestClient[web.Request, web.Application]

CREATE = "/api/2.0/mlflow/users/create-ui"


@web.middleware
async def as_root(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[ACTOR], request[REQUEST_ID], request[PRINCIPAL] = ANN, "q", ROOT
    try:
        return await handler(request)
    except TracklogError as error:
        return web.json_response({"message": error.message}, status=error.status)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
async def client(accounts: Accounts) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[as_root])
    for route in sign_up_routes(accounts.commands):
        for prefix in route.prefixes:
            app.router.add_route(route.method, prefix + route.path, route.handler)
    async with TestClient(TestServer(app)) as client:
        yield client


async def token_on(answer: ClientResponse) -> str:
    found = re.search('name="csrf_token" value="([^"]+)"', await answer.text())
    assert found is not None
    return found[1]


async def test_a_user_is_made_by_the_form(client: Client, accounts: Accounts) -> None:
    shown = await client.get("/signup")
    cookie = shown.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Strict", "")
    assert "script" not in (await shown.text())
    form = {"username": "<b>", "password": SECRET, "csrf_token": await token_on(shown)}
    made = await client.post(CREATE, data=form)
    assert made.status == 200
    assert "&lt;b&gt;" in await made.text()
    assert await accounts.exists("<b>")


@pytest.mark.parametrize("token", [None, "", "x"])
async def test_a_form_of_another_site_makes_nobody(client: Client, accounts: Accounts, token: str | None) -> None:
    form = {"username": "eve", "password": SECRET, **({} if token is None else {"csrf_token": token})}
    assert (await client.post(CREATE, data=form)).status == 400  # without the cookie
    client.session.cookie_jar.clear()
    assert (await client.post(CREATE, data=form)).status == 400
    await client.get("/signup")
    assert (await client.post(CREATE, data=form)).status == 400
    assert not await accounts.exists("eve")


async def test_a_token_is_none_without_its_cookie(client: Client, accounts: Accounts) -> None:
    token = await token_on(await client.get("/signup"))
    client.session.cookie_jar.clear()
    form = {"username": "eve", "password": SECRET, "csrf_token": token}
    assert (await client.post(CREATE, data=form)).status == 400
    assert not await accounts.exists("eve")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "root"}, "already exists"),
        ({"username": ""}, "a name and a password"),
        ({"password": ""}, "a name and a password"),
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "x" * 1025}, "too long"),
        ({"username": "a:<b>"}, "no &#x27;:&#x27;"),
    ],
    ids=str,
)
async def test_what_is_refused_is_said_in_the_form(
    client: Client, accounts: Accounts, fields: dict[str, str], said: str
) -> None:
    await accounts.commands.create_first_admin("root", SECRET)
    form = {"username": "ida", "password": SECRET, **fields}
    refused = await client.post(CREATE, data={**form, "csrf_token": await token_on(await client.get("/signup"))})
    text = await refused.text()
    assert (refused.status, said in text, SECRET in text) == (400, True, False)
    again = {"username": "ida", "password": SECRET, "csrf_token": await token_on(refused)}
    assert (await client.post(CREATE, data=again)).status == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"username=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=b" % one for one in range(11)), "application/x-www-form-urlencoded"),
        (b"\xff", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_is_refused(client: Client, body: bytes, content_type: str) -> None:
    answer = await client.post(CREATE, data=body, headers={"Content-Type": content_type})
    assert answer.status == 400


def test_only_administrators_may_use_it(accounts: Accounts) -> None:
    assert {route.permission for route in sign_up_routes(accounts.commands)} == {Permission.ADMIN}
