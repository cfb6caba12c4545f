"""The first account of a server whose operator gave no password: made once, by who can read the server's terminal.

A token is printed there and kept nowhere else. It ends with its first use, with the process, or when there is a user.
"""

import asyncio
import secrets
import sys
from hashlib import sha256
from typing import Final

from aiohttp import web

from ingest.users.commands import UserCommands
from schemas.errors import ResourceAlreadyExists, Unauthenticated
from schemas.messages.users import SetUp
from schemas.rest.decode import read_message
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import TRACKLOG_V1, WRITE_LIMITS, Kind, Permission, Route

TOKEN_BYTES: Final = 32

NOT_THE_TOKEN: Final = "This is not the setup token, or there is nothing to set up any more."


class Setup:
    """Nothing can be set up until `offer` is called."""

    def __init__(self) -> None:
        self._digest: bytes | None = None
        self._users: UserCommands | None = None
        self._one_at_a_time = asyncio.Lock()

    def offer(self, users: UserCommands) -> bool:
        """Print a token where standard error is a terminal, and say whether it is: a file would keep the token."""
        if not sys.stderr.isatty():
            return False
        sys.stderr.write(invitation(self.begin(users)))
        sys.stderr.flush()
        return True

    def begin(self, users: UserCommands) -> str:
        """A new token, by which the first of `users` may be made."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._digest, self._users = _digest_of(token), users
        return token

    async def finish(self, wanted: SetUp) -> None:
        """Make the first administrator. What cannot be made so leaves the token as it is.

        Raises Unauthenticated, InvalidParameterValue for the name or the password, and what UserCommands raise.
        """
        async with self._one_at_a_time:
            given = _digest_of(wanted.token)
            if self._users is None or self._digest is None or not secrets.compare_digest(given, self._digest):
                raise Unauthenticated(NOT_THE_TOKEN)
            if await self._users.has_users():
                self._digest = None
                raise Unauthenticated(NOT_THE_TOKEN)
            try:
                await self._users.create_first_admin(wanted.username, wanted.password)
            except ResourceAlreadyExists:
                self._digest = None
                raise
            self._digest = None

    def route(self) -> Route:
        """Open to everybody: the token is what lets one in."""
        return Route(
            method="POST",
            path="/setup",
            prefixes=TRACKLOG_V1,
            handler=self._handle,
            kind=Kind.WRITE,
            permission=Permission.PUBLIC,
            limits=WRITE_LIMITS,
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        await self.finish(await read_message(request, SetUp))
        return JsonAnswer(b"{}")


def invitation(token: str) -> str:
    return f"""
There is no user yet. Make the first administrator with

    tracklog users setup NAME

(and `--url` where it is not asked for at this machine's port 5000) and this token, which is good for once:

    {token}
"""


def _digest_of(token: str) -> bytes:
    return sha256(token.encode()).digest()
