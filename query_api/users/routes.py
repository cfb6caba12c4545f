"""The read routes of users and their access tokens. A server has them where users are known.

Who is no administrator sees the own account alone: a list of accounts is what an attacker begins with.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web

from query_api.port import ReadModel, Row
from query_api.reads import Reads, mlflow_read, tracklog_read
from schemas.errors import PermissionDenied
from schemas.events import USERS_ORDERING_UNIT
from schemas.messages.message import Message
from schemas.messages.users import GetCurrentUser, GetUser, ListAccessTokens, ListUsers, user_not_found
from schemas.principal import Principal
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND, PRINCIPAL
from schemas.rest.route import Handler, Permission, Route

M = TypeVar("M", bound=Message)

Answer = Callable[[ReadModel, M, Principal], Awaitable[Any]]
"""From a request and who asks to what is answered as JSON."""

_USER: Final = "SELECT user_id, username, is_admin FROM users"
_NOT_YOURS: Final = "Only administrators may ask for other users."


def user_routes(reads: Reads) -> tuple[Route, ...]:
    anyone = Permission.AUTHENTICATED
    return (
        mlflow_read("GET", "users/get", _handler(reads, GetUser, _get_user), anyone),
        mlflow_read("GET", "users/list", _handler(reads, ListUsers, _list_users), Permission.ADMIN),
        mlflow_read("GET", "users/current", _handler(reads, GetCurrentUser, _get_current_user), anyone),
        tracklog_read("tokens", _handler(reads, ListAccessTokens, _list_tokens), anyone),
    )


def _handler(reads: Reads, message_type: type[M], answer: Answer[M]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, message_type)
        behind = await reads.freshness.caught_up((USERS_ORDERING_UNIT,))
        if behind is not None:
            request[BEHIND] = behind
        return JsonAnswer(orjson.dumps(await answer(reads.read_model, message, request[PRINCIPAL])))

    return named_for(message_type, handle)


async def _get_user(read_model: ReadModel, wanted: GetUser, asking: Principal) -> dict[str, Any]:
    """`{"user": {"id", "username", "is_admin"}}`. Raises PermissionDenied, ResourceDoesNotExist."""
    if not asking.is_admin and wanted.username != asking.user:
        raise PermissionDenied(_NOT_YOURS)
    return {"user": await _user(read_model, wanted.username)}


async def _get_current_user(read_model: ReadModel, _wanted: GetCurrentUser, asking: Principal) -> dict[str, Any]:
    return {"user": await _user(read_model, asking.user), "is_basic_auth": True}


async def _list_users(read_model: ReadModel, _wanted: ListUsers, _asking: Principal) -> dict[str, Any]:
    """`{"users": […]}`, by name. No user has a role yet."""
    rows = await read_model.fetch(read_model.dialect.statement(f"{_USER} ORDER BY username"))
    return {"users": [{**_shown(row), "roles": []} for row in rows]}


async def _list_tokens(read_model: ReadModel, wanted: ListAccessTokens, asking: Principal) -> dict[str, Any]:
    """`{"tokens": [{"token_id", "name", "scope", "expires_ms"?, "creation_timestamp"}]}`, oldest first."""
    username = wanted.username or asking.user
    if not asking.is_admin and username != asking.user:
        raise PermissionDenied(_NOT_YOURS)
    statement = read_model.dialect.statement(
        "SELECT token_id, name, scope, expires_ms, creation_timestamp_ms FROM access_tokens"
        " WHERE username = $1 ORDER BY creation_timestamp_ms, token_id"
    )
    return {"tokens": [_shown_token(row) for row in await read_model.fetch(statement, (username,))]}


async def _user(read_model: ReadModel, username: str) -> dict[str, Any]:
    rows = await read_model.lookup(read_model.dialect.statement(f"{_USER} WHERE username = $1"), (username,))
    if not rows:
        raise user_not_found(username)
    return _shown(rows[0])


def _shown(row: Row) -> dict[str, Any]:
    return {"id": row[0], "username": row[1], "is_admin": row[2] == 1}


def _shown_token(row: Row) -> dict[str, Any]:
    token_id, name, scope, expires_ms, created_ms = row
    expires = {} if expires_ms is None else {"expires_ms": expires_ms}
    return {"token_id": token_id, "name": name, "scope": scope, **expires, "creation_timestamp": created_ms}
