"""A form by which an administrator makes a user, where the stock page is not there: `/signup`, as MLflow has it.

A browser sends the credentials that it remembers with every request, also with one that another site made it send. So
the form holds a token that is in a cookie too, which no other site can read or send along.
"""

import secrets
from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from ingest.users.commands import UserCommands
from ingest.write_route import write_route
from schemas.errors import BadRequest, InvalidParameterValue, ResourceAlreadyExists
from schemas.messages.users import MAX_PASSWORD_CHARACTERS, MAX_USERNAME_CHARACTERS, CreateUser
from schemas.rest.body import read_body
from schemas.rest.request_keys import ACTOR, PRINCIPAL, REQUEST_ID
from schemas.rest.route import NO_PREFIX, WRITE_LIMITS, Kind, Permission, Route

COOKIE: Final = "tracklog_sign_up"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
TOKEN_BYTES: Final = 32
MAX_FIELDS: Final = 10

NO_TOKEN: Final = "The form was not one of this server, or it was open for too long: load it again."

PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    hdrs.CACHE_CONTROL: "no-store",
}


def sign_up_routes(commands: UserCommands) -> tuple[Route, ...]:
    async def show(request: web.Request) -> web.StreamResponse:
        return _form(request, "", 200)

    async def create(request: web.Request) -> web.StreamResponse:
        fields = await _fields(request)
        try:
            _check_token(request, fields.get("csrf_token", ""))
            message = _wanted(fields)
            await commands.create(message, request[PRINCIPAL], request[ACTOR], request[REQUEST_ID])
        except (BadRequest, InvalidParameterValue, ResourceAlreadyExists) as refused:
            return _form(request, refused.message, refused.status)
        made = f"<p>The user {escape(message.username)} is there now.<p><a href='../../../../'>To the page</a>"
        return _page(made, 200)

    form = Route(
        method="GET",
        path="/signup",
        prefixes=NO_PREFIX,
        handler=show,
        kind=Kind.WRITE,
        permission=Permission.ADMIN,
        limits=WRITE_LIMITS,
    )
    return form, write_route("POST", "users/create-ui", create, Permission.ADMIN, prefixes=("/api/2.0",))


async def _fields(request: web.Request) -> Mapping[str, str]:
    """What a form was filled with. Raises InvalidParameterValue for anything else."""
    if request.content_type != FORM_TYPE:
        raise InvalidParameterValue(f"Content-Type must be {FORM_TYPE}.")
    try:
        text = (await read_body(request)).decode()
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise InvalidParameterValue("The request body is no form.") from error


def _check_token(request: web.Request, given: str) -> None:
    expected = request.cookies.get(COOKIE, "")
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        raise BadRequest(NO_TOKEN)


def _wanted(fields: Mapping[str, str]) -> CreateUser:
    username, password = fields.get("username", ""), fields.get("password", "")
    if not username or not password:
        raise InvalidParameterValue("A user has a name and a password.")
    if len(username) > MAX_USERNAME_CHARACTERS or len(password) > MAX_PASSWORD_CHARACTERS or "\0" in username:
        raise InvalidParameterValue("The name or the password is too long, or no text.")
    return CreateUser(username=username, password=password)


def _form(request: web.Request, message: str, status: int) -> web.Response:
    """The form with a token of its own, and why it was refused before."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    up = "" if request.path.endswith("/signup") else "../../../../"
    answer = _page(
        f"""<h1>A new user</h1>
<p role="alert">{escape(message)}
<form action="{up}api/2.0/mlflow/users/create-ui" method="post">
<input type="hidden" name="csrf_token" value="{token}">
<p><label>Name <input name="username" required autocomplete="off"></label>
<p><label>Password <input name="password" type="password" required autocomplete="new-password"></label>
<p><button>Create user</button>
</form>""",
        status,
    )
    answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict", secure=request.secure, path="/")
    return answer


def _page(body: str, status: int) -> web.Response:
    text = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Tracklog</title>\n{body}\n</html>\n'
    return web.Response(text=text, status=status, content_type="text/html", headers=PAGE_HEADERS)
