"""The routes of the commands about users and their access tokens. A server has them where users are known."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from ingest.users.commands import UserCommands
from ingest.users.sign_up import sign_up_routes
from ingest.write_route import tracklog_write, write_route
from schemas.envelope import Actor
from schemas.messages.message import Message
from schemas.messages.users import (
    CreateAccessToken,
    CreateUser,
    DeleteUser,
    RevokeAccessToken,
    UpdateUserAdmin,
    UpdateUserPassword,
)
from schemas.principal import Principal
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, PRINCIPAL, REQUEST_ID
from schemas.rest.route import Handler, Permission, Route

M = TypeVar("M", bound=Message)

UserCommand = Callable[[M, Principal, Actor, str], Awaitable[bytes]]


def user_routes(commands: UserCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    admin, anyone = Permission.ADMIN, Permission.AUTHENTICATED
    return (
        write_route("POST", "users/create", _handler(CreateUser, commands.create), admin),
        write_route("PATCH", "users/update-password", _handler(UpdateUserPassword, commands.update_password), anyone),
        write_route("PATCH", "users/update-admin", _handler(UpdateUserAdmin, commands.update_admin), admin),
        write_route("DELETE", "users/delete", _handler(DeleteUser, commands.delete), admin),
        tracklog_write("POST", "tokens", _handler(CreateAccessToken, commands.create_token), anyone),
        tracklog_write("DELETE", "tokens/{token_id}", _handler(RevokeAccessToken, commands.revoke_token), anyone),
        *sign_up_routes(commands),
    )


def _handler(message_type: type[M], command: UserCommand[M]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, message_type)
        answer = await command(message, request[PRINCIPAL], request[ACTOR], request[REQUEST_ID])
        return JsonAnswer(answer)

    return named_for(message_type, handle)
