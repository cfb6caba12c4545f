"""What the front door lets in where users are known: no route is forgotten, and nothing is read of who is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from schemas.envelope import Actor
from schemas.errors import PermissionDenied, RequestLimitExceeded, Unauthenticated
from schemas.principal import Principal
from schemas.rest.access import Rule
from schemas.rest.request_keys import ACTOR, PRINCIPAL
from schemas.rest.route import NO_PREFIX, READ_LIMITS, Kind, Permission, Route
from schemas.rest.rules import EDIT_ARTIFACT, READ_ARTIFACT
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app
from tracklog.web.front_door import may

PRINCIPALS = {
    "ada": Principal("ada", by="password"),
    "root": Principal("root", is_admin=True),
    "reader": Principal("root", is_admin=True, is_read_only=True),
}


class Notes:
    """What was noted."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def granted(self, actor: Actor, by: str, request_id: str) -> None:
        self.lines.append(f"{actor.user} was let in by {by}")

    def denied(self, actor: Actor, method: str, route: str, request_id: str) -> None:
        self.lines.append(f"{actor.user} was denied {method} {route}")


class Names:
    """The header itself is the name of who asks."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.history = Notes()

    def recall(self, header: str) -> Principal | None:
        return PRINCIPALS.get(header)

    async def authenticate(self, header: str | None, address: str) -> Principal:
        self.addresses.append(address)
        if header == "too often":
            raise RequestLimitExceeded("wait")
        raise Unauthenticated("You are not authenticated.")

    async def principal_of(self, user: str) -> Principal:
        return PRINCIPALS.get(user, Principal(user))


async def tell(request: web.Request) -> web.StreamResponse:
    return web.json_response([request[PRINCIPAL].user if PRINCIPAL in request else "", request[ACTOR].user])


def route(path: str, permission: Permission, kind: Kind = Kind.READ, method: str = "GET") -> Route:
    return Route(
        method=method,
        path=path,
        prefixes=NO_PREFIX,
        handler=tell,
        kind=kind,
        permission=permission,
        limits=READ_LIMITS,
    )


ROUTES = [route(f"/{one.value}", one) for one in Permission]


@asynccontextmanager
async def door(*routes: Route) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with client_of(Names(), *routes) as client:
        yield client


@asynccontextmanager
async def client_of(names: Names, *routes: Route) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(WebServer(create_app(routes, WebSettings(), authenticator=names))) as client:
        yield client


@pytest.mark.parametrize("permission", Permission, ids=lambda one: one.value)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_is_let_in(permission: Permission, method: str) -> None:
    expected = {
        None: 200 if permission in {Permission.PUBLIC, Permission.SECRET} else 401,
        "ada": 403 if permission in {Permission.SEEN, Permission.JUDGED, Permission.ADMIN} else 200,
        "root": 200,
        "reader": 200,
    }
    async with door(*ROUTES) as client:
        for name, status in expected.items():
            headers = {} if name is None else {"Authorization": name}
            response = await client.request(method, f"/{permission.value}", headers=headers)
            assert (name, response.status) == (name, status)


async def test_the_handler_and_the_history_know_who_asks() -> None:
    async with door(*ROUTES) as client:
        response = await client.get("/authenticated", headers={"Authorization": "ada"})
        assert await response.json() == ["ada", "ada"]


async def test_it_is_noted_who_is_let_in_and_denied_what() -> None:
    names = Names()

    async def forbidden(request: web.Request) -> web.StreamResponse:
        raise PermissionDenied("by the handler")

    by_handler = replace(route("/own/{name}", Permission.AUTHENTICATED), handler=forbidden)
    async with client_of(names, *ROUTES, by_handler) as client:
        for path in ("/public", "/authenticated", "/admin", "/own/x", "/nowhere"):
            await client.get(path, headers={"Authorization": "ada"})
        await client.get("/admin")
    assert [line for line in names.history.lines if "denied" in line] == [
        "ada was denied GET /admin",
        "ada was denied GET /own/{name}",
        "ada was denied GET (none)",
    ]
    assert {line for line in names.history.lines if "denied" not in line} == {"ada was let in by password"}


async def test_credentials_decide_nothing_where_everybody_may_ask() -> None:
    async with door(*ROUTES) as client:
        assert (await client.get("/public", headers={"Authorization": "wrong"})).status == 200


@pytest.mark.parametrize(("name", "status"), [(None, 401), ("ada", 403), ("root", 404)])
async def test_what_is_not_there_is_told_to_administrators_alone(name: str | None, status: int) -> None:
    async with door(*ROUTES) as client:
        for path in ("/nowhere", "/public/x", "/seen/x", "/api/2.0/mlflow/nothing"):
            assert await status_of(client, path, name) == status


@pytest.mark.parametrize("path", ["//seen", "/seen/", "/./seen", "/%73een", "/SEEN", "/seen;x", "/seen?x=/public"])
async def test_no_spelling_of_a_path_goes_around(path: str) -> None:
    async with door(*ROUTES) as client:
        assert await status_of(client, path) == 401


async def test_who_is_not_known_is_told_how_as_plain_text() -> None:
    async with door(*ROUTES) as client:
        response = await client.get("/seen")
        assert response.headers["WWW-Authenticate"] == 'Basic realm="mlflow", charset="UTF-8"'
        assert response.content_type == "text/plain"
        assert (await response.text()).startswith("You are not authenticated.")


async def test_who_fails_too_often_is_told_to_wait() -> None:
    async with door(*ROUTES) as client:
        response = await client.get("/seen", headers={"Authorization": "too often"})
        assert (response.status, response.headers["Retry-After"]) == (429, "1")


async def test_who_is_refused_sends_no_body() -> None:
    """It is refused on the headers: a body that never comes is not waited for."""
    async with door(route("/write", Permission.ADMIN, Kind.WRITE, "POST")) as client:
        for name, status in ((None, 401), ("ada", 403)):
            assert await status_of(client, "/write", name, "POST", "Content-Length: 100\r\n") == status


async def status_of(
    client: TestClient[web.Request, web.Application],
    path: str,
    name: str | None = None,
    method: str = "GET",
    lines: str = "",
) -> int:
    """The status that a request for exactly this path is answered with, before any body is sent."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    credentials = "" if name is None else f"Authorization: {name}\r\n"
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}{credentials}\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


@pytest.mark.parametrize("kind", Kind, ids=lambda one: one.value)
@pytest.mark.parametrize("permission", [*Permission, READ_ARTIFACT, EDIT_ARTIFACT], ids=str)
def test_a_token_that_may_only_read_changes_nothing(kind: Kind, permission: Permission | Rule) -> None:
    reads = kind in {Kind.READ, Kind.PAGE, Kind.OPERATION} or (kind is Kind.ARTIFACT and permission == READ_ARTIFACT)
    assert may(PRINCIPALS["reader"], permission, kind) == reads
