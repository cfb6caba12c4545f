"""Who asks, as a certificate or a trusted proxy says, and who is refused because nothing says so."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from multidict import CIMultiDict

from schemas.rest.request_keys import ACTOR
from schemas.rest.route import NO_PREFIX, Kind, Limits, Permission, Route
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings, user_header_of
from tracklog.settings.store_uris import SettingRefused
from tracklog.web.app import create_app
from tracklog.web.identity import MAX_USER_CHARACTERS, user_in_header, user_of_certificate

LOCALHOST = (ip_network("127.0.0.1"),)
ELSEWHERE = (ip_network("10.0.0.5"),)
HEADER = "X-Forwarded-User"

Client = TestClient[web.Request, web.Application]


async def who(request: web.Request) -> web.StreamResponse:
    await request.read()
    return web.Response(text=request[ACTOR].user)


def route(path: str, permission: Permission) -> Route:
    return Route(
        method="POST",
        path=path,
        prefixes=NO_PREFIX,
        handler=who,
        kind=Kind.WRITE,
        permission=permission,
        limits=Limits(),
    )


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Client]:
    routes = [route("/private", Permission.AUTHENTICATED), route("/public", Permission.PUBLIC)]
    async with TestClient(WebServer(create_app(routes, WebSettings(**settings)))) as client:
        yield client


async def test_the_user_that_a_trusted_proxy_names_is_who_asks() -> None:
    async with serving(trusted_proxies=LOCALHOST, user_header=HEADER) as client:
        for user in ("ann", "Bjørn Ås", "ann", "cn=eve,ou=research"):
            answer = await client.post("/private", headers={HEADER: user})
            assert (answer.status, await answer.text()) == (200, user)


@pytest.mark.parametrize("named", ["", " ", "anonymous", "system", "x" * (MAX_USER_CHARACTERS + 1), "a\tb"])
async def test_who_is_not_named_is_refused_before_the_body_is_read(named: str) -> None:
    async with serving(trusted_proxies=LOCALHOST, user_header=HEADER) as client:
        answer = await client.post("/private", headers={HEADER: named}, data=b"x" * 1000)
        assert answer.status == 403
        assert json.loads(await answer.read())["error_code"] == "PERMISSION_DENIED"


async def test_who_names_himself_in_a_second_header_is_nobody() -> None:
    async with serving(trusted_proxies=LOCALHOST, user_header=HEADER) as client:
        headers = CIMultiDict([(HEADER, "ann"), (HEADER, "eve")])
        assert (await client.post("/private", headers=headers)).status == 403


async def test_the_header_of_somebody_else_than_the_proxy_is_not_believed() -> None:
    async with serving(trusted_proxies=ELSEWHERE, user_header=HEADER) as client:
        assert (await client.post("/private", headers={HEADER: "ann"})).status == 403
        assert (await client.post("/nowhere", headers={HEADER: "ann"})).status == 403


async def test_what_is_public_is_answered_to_everybody() -> None:
    async with serving(trusted_proxies=ELSEWHERE, user_header=HEADER) as client:
        answer = await client.post("/public", headers={HEADER: "ann"})
        assert (answer.status, await answer.text()) == (200, "anonymous")


async def test_without_the_option_the_header_means_nothing() -> None:
    async with serving(trusted_proxies=LOCALHOST) as client:
        answer = await client.post("/private", headers={HEADER: "ann"})
        assert (answer.status, await answer.text()) == (200, "anonymous")


@pytest.mark.parametrize(
    ("certificate", "user"),
    [
        ({"subject": ((("countryName", "NO"),), (("commonName", "ann"),))}, "ann"),
        ({"subject": (), "subjectAltName": (("DNS", "node-7"), ("email", "ann@example.com"))}, "ann@example.com"),
        ({"subjectAltName": (("DNS", "node-7"), ("URI", "spiffe://here/trainer"))}, "spiffe://here/trainer"),
        ({"subjectAltName": (("IP Address", "10.0.0.7"),)}, None),
        ({"subject": ((("commonName", "system"),),)}, None),
        ({}, None),
    ],
)
def test_a_certificate_names_a_user_by_its_subject_or_another_name(
    certificate: dict[str, Any], user: str | None
) -> None:
    assert user_of_certificate(certificate) == user


def test_a_header_is_found_in_any_letter_case() -> None:
    assert user_in_header(HEADER)(CIMultiDict({HEADER.lower(): " ann "})) == "ann"


@pytest.mark.parametrize(
    ("name", "said"), [("X Forwarded", "is not the name of a header"), (HEADER, "needs --trusted-proxies")]
)
def test_a_header_that_anybody_could_send_is_refused_at_the_start(name: str, said: str) -> None:
    with pytest.raises(SettingRefused, match=said):
        user_header_of(name, () if name == HEADER else LOCALHOST)
