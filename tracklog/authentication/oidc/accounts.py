"""The account of whom a provider knows: found by identity, and made when they come for the first time."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from query_api.port import ReadModel
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue, PermissionDenied, ResourceAlreadyExists
from schemas.events import Identity
from schemas.messages.users import check_username
from schemas.principal import Principal
from tracklog.authentication.oidc.claims import Known

CreateAccount = Callable[[str, Identity, Actor], Awaitable[None]]
"""Makes an account. Raises ResourceAlreadyExists when its name or its identity is somebody's."""

TAKEN: Final = (
    "Permission denied: the provider calls you {name!r}, and another user has that name here. Ask an administrator to"
    " delete that user, or for another name."
)


class Account(NamedTuple):
    """`user_id` is None where there is no account yet."""

    username: str
    is_admin: bool
    user_id: int | None


class Accounts:
    """`create` is there where the process writes to the log. Elsewhere who comes has no account until they come there.

    Raises what the read model raises.
    """

    def __init__(self, read_model: ReadModel) -> None:
        self.create: CreateAccount | None = None
        self._read_model = read_model
        statement = read_model.dialect.statement
        self._by_identity_sql = statement(
            "SELECT username, is_admin, user_id FROM users WHERE subject = $1 AND issuer = $2"
        )
        self._by_name_sql = statement("SELECT username, is_admin FROM users WHERE username = $1")

    async def principal(self, known: Known, address: str) -> Principal:
        """Who `known` is here, asking from `address`. Raises PermissionDenied when another has the name.

        An administrator is who is one here, or there: what the provider says holds as long as it says so, and is
        written nowhere.
        """
        account = await self.find(known.identity)
        if account is None:
            account = await self._made(known, address)
        username, is_admin, user_id = account
        return Principal(username, is_admin or known.is_admin, groups=known.groups, user_id=user_id)

    async def _made(self, known: Known, address: str) -> Account:
        try:
            check_username(known.username)
        except InvalidParameterValue as error:
            raise PermissionDenied(f"Permission denied: the provider gives no usable name: {error.message}") from error
        if self.create is None:
            if await self._read_model.lookup(self._by_name_sql, (known.username,)):
                raise PermissionDenied(TAKEN.format(name=known.username))
            return Account(known.username, False, None)
        try:
            await self.create(known.username, known.identity, Actor(known.username, address))
        except ResourceAlreadyExists as error:
            account = await self.find(known.identity)  # who came twice at once has an account now
            if account is None:
                raise PermissionDenied(TAKEN.format(name=known.username)) from error
            return account
        return await self.find(known.identity) or Account(known.username, False, None)

    async def find(self, identity: Identity) -> Account | None:
        """The account of an identity."""
        rows = await self._read_model.lookup(self._by_identity_sql, (identity.subject, identity.issuer))
        return Account(rows[0][0], rows[0][1] == 1, rows[0][2]) if rows else None
