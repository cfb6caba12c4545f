"""The commands about users and their access tokens.

Each takes a request message, the principal and actor that ask and the id of the request, and answers with JSON when its
event is projected: the fold decides who has a name, and that an administrator stays. A password or token is in the
store of credentials before its event is in the log, and taken out again when the fold refuses the event. Raises
PermissionDenied, ResourceDoesNotExist, InvalidParameterValue, and what LogWriter and CredentialStore raise.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.log_writer import LogWriter, undone_if_refused
from ingest.users import answers
from ingest.users.lookups import ACCESS_TOKEN, ANY_USER, TOKENS_OF_USER, USER
from ingest.users.port import CredentialStore
from ingest.users.state import KnownUser
from schemas.envelope import SYSTEM, Actor
from schemas.errors import BadRequest, InvalidParameterValue, PermissionDenied, ResourceAlreadyExists
from schemas.events import (
    USERS_ORDERING_UNIT,
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyUserEvent,
    Identity,
    UserAdminChanged,
    UserCreated,
    UserDeleted,
    UserPasswordChanged,
)
from schemas.messages.users import (
    SCOPES,
    CreateAccessToken,
    CreateUser,
    DeleteUser,
    RevokeAccessToken,
    UpdateUserAdmin,
    UpdateUserPassword,
    access_token_not_found,
    check_password,
    check_username,
    user_not_found,
)
from schemas.principal import Principal

MAX_TOKENS: Final = 1_000
"""Of one user, expired ones among them: a list of them is one answer. Racing requests may add a few."""

NOT_YOURS = "Only administrators may change other users."


class UserCommands:
    """`now_ms` is the time that a token's end is compared with."""

    def __init__(
        self,
        writer: LogWriter,
        known: KnownEntities,
        credentials: CredentialStore,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._writer = writer
        self._known = known
        self._credentials = credentials
        self._now_ms = now_ms

    async def has_users(self) -> bool:
        """Whether there is any account. Waits for what is in the log."""
        await self._known.catch_up(USERS_ORDERING_UNIT)
        return await self._known.lookups.one(ANY_USER) is not None

    async def create_first_admin(self, username: str, password: str) -> None:
        """Make the first account, an administrator. Raises ResourceAlreadyExists when somebody has the name."""
        check_username(username)
        check_password(username, password)
        await self._create(username, password, SYSTEM, "", is_admin=True)

    async def create(self, command: CreateUser, asking: Principal, actor: Actor, request_id: str) -> bytes:
        """An account of a name that no other has. Raises ResourceAlreadyExists."""
        check_username(command.username)
        check_password(command.username, command.password)
        if await self._known.lookups.one(USER, command.username) is not None:
            await self._known.catch_up(USERS_ORDERING_UNIT)
            if await self._known.lookups.one(USER, command.username) is not None:
                raise ResourceAlreadyExists(f"User (username={command.username}) already exists.")
        await self._create(command.username, command.password, actor, request_id, is_admin=False)
        return answers.user(await self._user(command.username))

    async def create_of_identity(self, username: str, identity: Identity, actor: Actor) -> None:
        """An account without a password, for whom a provider knows by `identity`, and who is let in already.

        Raises ResourceAlreadyExists when somebody has the name, or the identity.
        """
        check_username(username)
        await self._append(UserCreated(username=username, identity=identity), actor, "")

    async def update_password(
        self, command: UpdateUserPassword, asking: Principal, actor: Actor, request_id: str
    ) -> bytes:
        """Another password. Who changes their own has to know the one before; whoever has a token alone does not."""
        self._require_self_or_admin(command.username, asking)
        user = await self._user(command.username)
        if command.username == asking.user and not await self._credentials.is_password(
            user.password_id, command.current_password
        ):
            raise InvalidParameterValue("The current password is missing or wrong.")
        check_password(command.username, command.password)
        if command.password == command.current_password:
            raise InvalidParameterValue("The new password is the current one.")
        password_id = await self._credentials.keep_password(command.password)
        async with undone_if_refused(partial(self._credentials.forget, password_id)):
            await self._append(
                UserPasswordChanged(username=command.username, password_id=password_id), actor, request_id
            )
        await self._credentials.forget(user.password_id)
        return EMPTY

    async def update_admin(self, command: UpdateUserAdmin, asking: Principal, actor: Actor, request_id: str) -> bytes:
        """Make a user an administrator, or an administrator a user. Raises BadRequest for the last one."""
        if command.is_admin is None:
            raise InvalidParameterValue("is_admin is true or false.")
        await self._user(command.username)
        event = UserAdminChanged(username=command.username, is_admin=command.is_admin)
        await self._append(event, actor, request_id)
        return EMPTY

    async def delete(self, command: DeleteUser, asking: Principal, actor: Actor, request_id: str) -> bytes:
        """Delete another user for good, with all tokens."""
        if command.username == asking.user:
            raise BadRequest("You cannot delete the account that you ask with.")
        user = await self._user(command.username)
        tokens = await self._known.lookups.all(TOKENS_OF_USER, command.username)
        await self._append(UserDeleted(username=command.username), actor, request_id)
        for secret_id in (user.password_id, *(token.token_id for token in tokens)):
            await self._credentials.forget(secret_id)
        return EMPTY

    async def create_token(self, command: CreateAccessToken, asking: Principal, actor: Actor, request_id: str) -> bytes:
        """A token of the user who asks; the answer is the only place where it is ever shown."""
        if command.scope not in SCOPES:
            raise InvalidParameterValue(f"The scope of a token is one of {', '.join(sorted(SCOPES))}.")
        if command.expires_ms is not None and command.expires_ms <= self._now_ms():
            raise InvalidParameterValue("expires_ms is in the past.")
        await self._user(asking.user)
        if len(await self._known.lookups.all(TOKENS_OF_USER, asking.user)) >= MAX_TOKENS:
            raise BadRequest(f"A user has at most {MAX_TOKENS} access tokens; revoke some that are no longer used.")
        new = await self._credentials.keep_token()
        async with undone_if_refused(partial(self._credentials.forget, new.token_id)):
            event = AccessTokenCreated(
                username=asking.user,
                token_id=new.token_id,
                name=command.name,
                scope=command.scope,
                expires_ms=command.expires_ms,
            )
            await self._append(event, actor, request_id)
        return answers.access_token(new.token_id, new.token)

    async def revoke_token(self, command: RevokeAccessToken, asking: Principal, actor: Actor, request_id: str) -> bytes:
        """Revoke a token of the user who asks; an administrator may revoke every token."""
        token = await self._known.look_up(ACCESS_TOKEN, command.token_id)
        if token is None or not (asking.is_admin or token.username == asking.user):
            raise access_token_not_found(command.token_id)
        event = AccessTokenRevoked(username=token.username, token_id=token.token_id)
        await self._append(event, actor, request_id)
        await self._credentials.forget(token.token_id)
        return EMPTY

    async def _create(self, username: str, password: str, actor: Actor, request_id: str, *, is_admin: bool) -> None:
        password_id = await self._credentials.keep_password(password)
        async with undone_if_refused(partial(self._credentials.forget, password_id)):
            event = UserCreated(username=username, password_id=password_id, is_admin=is_admin)
            await self._append(event, actor, request_id)

    async def _append(self, event: AnyUserEvent, actor: Actor, request_id: str) -> None:
        await self._writer.append_and_wait(event, actor, request_id)
        self._credentials.users_changed()

    async def _user(self, username: str) -> KnownUser:
        user = await self._known.look_up(USER, username)
        if user is None:
            raise user_not_found(username)
        return user

    @staticmethod
    def _require_self_or_admin(username: str, asking: Principal) -> None:
        if not asking.is_admin and username != asking.user:
            raise PermissionDenied(NOT_YOURS)
