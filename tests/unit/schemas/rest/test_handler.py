"""A handler reads its message, calls one operation, answers JSON, and has a name that a traceback shows."""

import traceback
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from schemas.envelope import Actor
from schemas.messages.logged_models import DeleteLoggedModel
from schemas.messages.runs import GetRun
from schemas.rest.handler import command_handler, query_handler
from schemas.rest.request_keys import ACTOR, BEHIND, REQUEST_ID

ANN = Actor("ann")


@web.middleware
async def front(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the web front does around a handler, as far as handlers depend on it."""
    request[ACTOR], request[REQUEST_ID] = ANN, "q-1"
    try:
        answer = await handler(request)
    except LookupError as error:
        return web.json_response([frame.name for frame in traceback.extract_tb(error.__traceback__)], status=500)
    if (behind := request.get(BEHIND)) is not None:
        answer.headers["Behind"] = behind
    return answer


async def delete(message: DeleteLoggedModel, actor: Actor, request_id: str) -> bytes:
    if message.model_id == "missing":
        raise LookupError(message.model_id)
    return f'["{message.model_id}","{actor.user}","{request_id}"]'.encode()


async def get(message: GetRun) -> bytes:
    if message.run == "missing":
        raise LookupError(message.run)
    return f'"{message.run}"'.encode()


async def catch_up(message: GetRun) -> str | None:
    return "0:3/5" if message.run == "late" else None


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application(middlewares=[front])
    app.router.add_delete("/models/{model_id}", command_handler(DeleteLoggedModel, delete))
    app.router.add_get("/runs", query_handler(GetRun, get, catch_up))
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_command_gets_its_message_the_actor_and_the_request_id(
    client: TestClient[web.Request, web.Application],
) -> None:
    answer = await client.delete("/models/a")
    assert (answer.status, await answer.json()) == (200, ["a", "ann", "q-1"])


async def test_a_query_is_answered_and_says_when_the_read_model_is_behind(
    client: TestClient[web.Request, web.Application],
) -> None:
    fresh, late = await client.get("/runs?run_id=a"), await client.get("/runs?run_id=late")
    assert (await fresh.json(), fresh.headers.get("Behind")) == ("a", None)
    assert (await late.json(), late.headers.get("Behind")) == ("late", "0:3/5")


async def test_a_traceback_names_the_handler_by_its_message(
    client: TestClient[web.Request, web.Application],
) -> None:
    deleted, got = await client.delete("/models/missing"), await client.get("/runs?run_id=missing")
    assert (await deleted.json())[1:] == ["handle_DeleteLoggedModel", "delete"]
    assert (await got.json())[1:] == ["handle_GetRun", "get"]


def test_two_handlers_of_one_form_have_names_of_their_own() -> None:
    first, second = query_handler(GetRun, get, catch_up), command_handler(DeleteLoggedModel, delete)
    third = query_handler(GetRun, get, catch_up)
    assert [one.__qualname__ for one in (first, second, third)] == [
        "handle_GetRun",
        "handle_DeleteLoggedModel",
        "handle_GetRun",
    ]
