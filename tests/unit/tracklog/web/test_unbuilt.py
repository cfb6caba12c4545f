"""What is not built: its reads answer that there is nothing, each in a shape, and only its writes say 501."""

import re
from collections.abc import AsyncIterator
from string import Formatter
from typing import Final

import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient

from schemas.rest.route import Kind, Route
from tests.web_server import WebServer
from tracklog.serving.route_catalog import built_routes
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app
from tracklog.web.unbuilt import answer_not_implemented, unbuilt_routes
from tracklog.web.unbuilt_reads import READS, UnbuiltRead

VALUE: Final = "x1"
"""Of every variable and field in the requests below."""


def pairs(routes: list[Route]) -> set[tuple[str, str]]:
    """Method and path of every endpoint, whatever the variables in it are called."""
    return {(route.method, prefix + re.sub(r"\{\w+", "{", route.path)) for route in routes for prefix in route.prefixes}


def test_no_route_that_is_built_is_listed_as_not_built() -> None:
    assert pairs(built_routes()) & pairs(unbuilt_routes()) == set()


def test_only_writes_say_that_they_are_not_built() -> None:
    for route in unbuilt_routes():
        assert (route.handler is answer_not_implemented) == (route.kind is Kind.WRITE), route.path


def test_no_read_is_listed_twice() -> None:
    listed = [(read.method, prefix + read.path) for read in READS for prefix in read.prefixes]
    assert len(listed) == len(set(listed))


Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[Client]:
    """Of a server that holds nothing, so that no test leaves anything to another."""
    async with TestClient(WebServer(create_app([], WebSettings()))) as client:
        yield client


def path_of(read: UnbuiltRead) -> str:
    return read.prefixes[0] + re.sub(r"\{[^}]*\}", VALUE, read.path)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("read", READS, ids=lambda read: f"{read.method}-{read.path}")
async def test_a_read_that_says_all_it_must_is_answered_with_nothing(client: Client, read: UnbuiltRead) -> None:
    fields = dict.fromkeys(read.answer.required or read.answer.optional[:1], VALUE)
    if read.method == "GET":
        answer = await client.get(path_of(read), params=fields)
    else:
        answer = await client.post(path_of(read), json=fields)
    body = orjson.loads(await answer.read())
    if answer.status == 200:
        assert isinstance(body, dict)
        assert VALUE not in str(body).replace(f"'metric_name': '{VALUE}'", "")
    else:
        assert (answer.status, body["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert "{" not in body["message"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "read", [read for read in READS if read.answer.required], ids=lambda read: f"{read.method}-{read.path}"
)
async def test_a_read_that_lacks_a_field_is_refused(client: Client, read: UnbuiltRead) -> None:
    of_path = {name.partition(":")[0] for _, name, _, _ in Formatter().parse(read.path) if name}
    wanted = [name for name in read.answer.required if name not in of_path]
    for missing in wanted:
        fields = {name: VALUE for name in wanted if name != missing}
        if read.method == "GET":
            answer = await client.get(path_of(read), params=fields)
        else:
            answer = await client.post(path_of(read), json=fields)
        body = orjson.loads(await answer.read())
        assert (answer.status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert f"'{missing}'" in body["message"]


@pytest.mark.asyncio(loop_scope="module")
async def test_words_that_a_client_sends_are_words_and_no_pattern(client: Client) -> None:
    answer = await client.get("/api/3.0/mlflow/gateway/secrets/get", params={"secret_id": "{version} {0}"})
    assert orjson.loads(await answer.read())["message"] == "GatewaySecret not found (secret_id='{version} {0}')"
