"""From the credentials of a request to its principal.

What was checked once is remembered by a keyed digest of the header, and only as long as nothing changed of any user:
the revision of users is asked for once a second or more often. So 5,000 requests a second cost no hash, and what is
revoked is refused within a second.
"""

import asyncio
import base64
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

from query_api.port import ReadModel, Row
from schemas.errors import RequestLimitExceeded, TracklogError, Unauthenticated
from schemas.messages.users import MAX_PASSWORD_CHARACTERS, MAX_USERNAME_CHARACTERS, READ_ONLY
from schemas.principal import Principal
from tracklog.authentication.access_history import AccessHistory
from tracklog.authentication.attempts import Attempts
from tracklog.authentication.credentials import Credentials, parsed_token

POLL_S: Final = 0.25
FRESH_S: Final = 0.9
"""What is remembered counts for so long after the revision was asked for; it is asked for again first then."""
MAX_REMEMBERED: Final = 10_000

NOT_AUTHENTICATED: Final = (
    "You are not authenticated. Send the name and password of a user, or an access token: as MLFLOW_TRACKING_USERNAME"
    " and MLFLOW_TRACKING_PASSWORD, or as MLFLOW_TRACKING_TOKEN."
)


class Claimed(NamedTuple):
    """What a header says: a token, of ours or of a provider, or a name and a password.

    `account` is what failures are counted by.
    """

    account: str
    password: str
    token: tuple[str, str] | None
    provided: str | None = None

    @property
    def is_by_password(self) -> bool:
        return self.token is None and self.provided is None


class ProvidedTokens(Protocol):
    """Checks the tokens of a provider: `tracklog.authentication.oidc.bearer`."""

    def is_token(self, text: str) -> bool:
        """Whether that is what `text` looks like: it is no password then."""
        ...

    async def principal(self, token: str, address: str) -> tuple[Principal, int]:
        """Whom a token names, and until when that may be remembered. Raises TracklogError."""
        ...


class _Remembered(NamedTuple):
    principal: Principal
    expires_ms: int | None


class Authenticator:
    """`caught_up` waits for the read model. It raises TemporarilyUnavailable while one is folded anew, in which
    somebody may still be what they were long ago; else every acknowledged event of users is in it.

    `now_s` is a clock that only grows, `now_ms` the time.
    """

    def __init__(
        self,
        read_model: ReadModel,
        caught_up: Callable[[], Awaitable[object]],
        credentials: Credentials,
        attempts: Attempts,
        now_s: Callable[[], float],
        now_ms: Callable[[], int],
        provided: ProvidedTokens | None = None,
    ) -> None:
        self._read_model = read_model
        self._caught_up = caught_up
        self._credentials = credentials
        self._attempts = attempts
        self.history = AccessHistory(read_model, now_s)
        self._now_s = now_s
        self._now_ms = now_ms
        self._provided = provided
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, _Remembered] = {}
        self._checks: dict[bytes, asyncio.Task[_Remembered]] = {}
        self._revision: int | None = None
        self._rights: list[int] = []
        self.on_changed_rights: Callable[[], object] = lambda: None
        self._asked_s = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        statement = read_model.dialect.statement
        self._revision_sql = statement("SELECT revision FROM users_revision ORDER BY number")
        self._user_sql = statement("SELECT is_admin, password_id, user_id FROM users WHERE username = $1")
        self._token_sql = statement(
            "SELECT t.username, t.scope, t.expires_ms, u.is_admin, u.user_id FROM access_tokens t"
            " JOIN users u ON u.username = t.username WHERE t.token_id = $1"
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for the revision of users now and then, for as long as the context lasts."""
        polling = asyncio.get_running_loop().create_task(self._poll())
        try:
            yield
        finally:
            polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await polling

    def recall(self, header: str) -> Principal | None:
        """Whom this Authorization header stands for, if that was found out before and still holds."""
        found = self._remembered.get(self._digest(header))
        if found is None or self._now_s() - self._asked_s > FRESH_S:
            return None
        if found.expires_ms is not None and found.expires_ms <= self._now_ms():
            return None
        return found.principal

    async def authenticate(self, header: str | None, address: str) -> Principal:
        """Whom an Authorization header of a client at `address` stands for.

        Raises Unauthenticated; RequestLimitExceeded after too many failures; TemporarilyUnavailable when users cannot
        be asked for.
        """
        await self._ask_again()
        if header is None:
            raise Unauthenticated(NOT_AUTHENTICATED)
        known = self.recall(header)
        if known is not None:
            return known
        claimed = parsed_header(header, None if self._provided is None else self._provided.is_token)
        if claimed is None:
            raise Unauthenticated(NOT_AUTHENTICATED)
        wait_s = self._attempts.wait_s(claimed.account, address)
        if wait_s > 0:
            raise RequestLimitExceeded("Too many attempts to log in failed; wait a minute.")
        digest = self._digest(header)
        check = self._checks.get(digest)
        if check is None:
            check = self._checks[digest] = asyncio.get_running_loop().create_task(self._check(digest, claimed, address))
            check.add_done_callback(lambda _: self._checks.pop(digest, None))
        try:
            found = await asyncio.shield(check)
        except Unauthenticated:
            self._attempts.failed(claimed.account, address)
            self.history.refused(claimed.account if claimed.is_by_password else "", address)
            raise
        self._attempts.succeeded(claimed.account, address)
        return found.principal

    async def principal_of(self, user: str) -> Principal:
        """The principal of a user whom a certificate or a trusted proxy names, known here or not."""
        await self._ask_again()
        key = self._digest(user, b"user")
        known = self._remembered.get(key)
        if known is None:
            await self._caught_up()
            rows = await self._read_model.lookup(self._user_sql, (user,))
            known = self._remember(key, _principal(user, rows), None)
        return known.principal

    def look_again(self) -> None:
        """Ask for the revision of users before anybody is recognised again."""
        self._asked_s = float("-inf")

    async def _check(self, digest: bytes, claimed: Claimed, address: str) -> _Remembered:
        await self._caught_up()
        revision = self._revision
        found = await self._found(claimed, address)
        if found is None:
            raise Unauthenticated(NOT_AUTHENTICATED)
        await self._ask()
        if revision != self._revision:  # what was read may be older than what has changed meanwhile
            return found
        return self._remember(digest, *found)

    async def _found(self, claimed: Claimed, address: str) -> _Remembered | None:
        if claimed.provided is not None and self._provided is not None:
            principal, expires_ms = await self._provided.principal(claimed.provided, address)
            return _Remembered(principal._replace(by="provider"), expires_ms)
        if claimed.token is not None:
            return await self._by_token(*claimed.token)
        return await self._by_password(claimed)

    async def _by_password(self, claimed: Claimed) -> _Remembered | None:
        rows = await self._read_model.lookup(self._user_sql, (claimed.account,))
        password_id = rows[0][1] if rows else ""
        if not await self._credentials.is_password(password_id, claimed.password):
            return None
        return _Remembered(_principal(claimed.account, rows)._replace(by="password"), None)

    async def _by_token(self, token_id: str, secret: str) -> _Remembered | None:
        rows = await self._read_model.lookup(self._token_sql, (token_id,))
        if not rows or not await self._credentials.is_token(token_id, secret):
            return None
        username, scope, expires_ms, is_admin, user_id = rows[0]
        if expires_ms is not None and expires_ms <= self._now_ms():
            return None
        principal = Principal(username, is_admin == 1, scope == READ_ONLY, user_id=user_id, by=f"token {token_id}")
        return _Remembered(principal, expires_ms)

    def _remember(self, digest: bytes, principal: Principal, expires_ms: int | None) -> _Remembered:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        found = self._remembered[digest] = _Remembered(principal, expires_ms)
        return found

    async def _poll(self) -> None:
        while True:
            with contextlib.suppress(TracklogError):  # who is asked for then is told
                await self._ask()
            await asyncio.sleep(POLL_S)

    async def _ask_again(self) -> None:
        """Ask for the revision of users, unless that was done just now."""
        if self._now_s() - self._asked_s > FRESH_S:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.get_running_loop().create_task(self._ask())
            await asyncio.shield(self._asking)

    async def _ask(self) -> None:
        now_s = self._now_s()
        rows = await self._read_model.lookup(self._revision_sql)
        revision, *rights = [row[0] for row in rows] or [None]
        if revision != self._revision:
            self._revision = revision
            self._remembered.clear()
        if rights != self._rights:
            self._rights = rights
            self.on_changed_rights()
        self._asked_s = max(self._asked_s, now_s)

    def _digest(self, text: str, purpose: bytes = b"header") -> bytes:
        """A key to remember by, from which nobody gets the text: `purpose` keeps names and headers apart."""
        text_bytes = text.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(text_bytes, digest_size=16, key=self._key, person=purpose).digest()


def _principal(username: str, rows: Sequence[Row]) -> Principal:
    """Of the row of an account, or of nobody's."""
    if not rows:
        return Principal(username)
    is_admin, _, user_id = rows[0]
    return Principal(username, is_admin == 1, user_id=user_id)


def parsed_header(header: str, is_provided: Callable[[str], bool] | None = None) -> Claimed | None:
    """What an Authorization header says; None for what is neither a token nor a name and a password.

    A token may stand in the place of a password: clients that know only passwords can use it. `is_provided` says
    whether something is a token of a provider, where there is one.
    """
    scheme, _, rest = header.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return _claimed_by_token(rest, is_provided)
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except ValueError:  # no base64, nor UTF-8 in it
        return None
    by_token = _claimed_by_token(password, is_provided)
    if by_token is not None:
        return by_token
    if not colon or not name or len(name) > MAX_USERNAME_CHARACTERS or len(password) > MAX_PASSWORD_CHARACTERS:
        return None
    return Claimed(name, password, None)


def _claimed_by_token(text: str, is_provided: Callable[[str], bool] | None) -> Claimed | None:
    token = parsed_token(text)
    if token is not None:
        return Claimed(f"token {token[0]}", "", token)
    if is_provided is not None and is_provided(text):
        return Claimed(f"provided {hashlib.sha256(text.encode()).hexdigest()[:16]}", "", None, text)
    return None
