"""Sessions of browsers, kept on the server: who logged in, until when, and whether the provider still says so.

The browser has 256 random bits. The store of secrets has them as a digest, and the provider's tokens sealed by a key
made of them: who reads the store can neither use a session nor its tokens.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, NoReturn

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import PermissionDenied, Unauthenticated
from schemas.events import Identity
from schemas.principal import Principal
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.claims import Known, makes_admin, may_come_in
from tracklog.authentication.oidc.provider import GrantRefused, ProviderAway
from tracklog.secret_store.port import Secrets
from tracklog.settings.oidc import OidcSettings

logger = logging.getLogger(__name__)

LIFE_S: Final = 12 * 3600.0
"""After so long one logs in anew, whatever was done meanwhile: a working day."""
IDLE_S: Final = 2 * 3600.0
SEEN_S: Final = 60.0
"""How exactly it is kept when a session was used last."""
FRESH_S: Final = 0.9
"""For so long it is not looked up again: a log-out holds in every process within a second."""
AWAY_S: Final = 30.0
"""After so long a provider that was away is asked again."""
REFRESH_S: Final = 30.0
"""For so long one process alone asks the provider; others take what was so."""
MIN_GOOD_S: Final = 5.0
MAX_GOOD_S: Final = 3600.0
DEFAULT_GOOD_S: Final = 300.0
SWEEP_S: Final = 3600.0
MAX_REMEMBERED: Final = 10_000

PREFIX: Final = "session-"

LOGGED_OUT: Final = "You are not authenticated. The session has ended; log in again."

_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Tokens(msgspec.Struct, frozen=True):
    """What the provider gave: to ask it again by, and to name the session by when it is ended there."""

    refresh: str | None = None
    identity: str | None = None


class Session(msgspec.Struct, frozen=True):
    """Times are in seconds since the epoch. `is_over`: logged out here, and not yet at the provider."""

    issuer: str
    subject: str
    groups: tuple[str, ...]
    created_s: float
    seen_s: float
    good_until_s: float
    tokens: bytes
    refresh_begun_s: float = 0.0
    is_over: bool = False


class Renewed(NamedTuple):
    """Who somebody is by what the provider just gave, with which it is asked again after `good_s`."""

    known: Known
    tokens: Tokens
    good_s: float


Renew = Callable[[str, str], Awaitable[Renewed]]
"""From a refresh token and a subject to an awaitable of Renewed. Raises ProviderAway, GrantRefused, PermissionDenied,
Unauthenticated."""


class _Remembered(NamedTuple):
    principal: Principal
    looked_up_s: float


class Sessions:
    """`now_s` is the time. Raises what the store, the read model and `caught_up`, which waits for it, raise."""

    def __init__(
        self,
        settings: OidcSettings,
        store: Secrets,
        accounts: Accounts,
        caught_up: Callable[[], Awaitable[object]],
        renew: Renew,
        now_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._store = store
        self._accounts = accounts
        self._caught_up = caught_up
        self._renew = renew
        self._now_s = now_s
        self._remembered: dict[str, _Remembered] = {}
        self._looking: dict[str, asyncio.Task[Principal]] = {}

    async def begin(self, renewed: Renewed) -> str:
        """Begin a session, and return the id that the browser gets."""
        session_id, now_s = secrets.token_urlsafe(32), self._now_s()
        session = Session(
            issuer=renewed.known.identity.issuer,
            subject=renewed.known.identity.subject,
            groups=renewed.known.groups,
            created_s=now_s,
            seen_s=now_s,
            good_until_s=now_s + renewed.good_s,
            tokens=sealed(session_id, renewed.tokens),
        )
        await self._store.put(key_of(session_id), msgspec.json.encode(session))
        return session_id

    async def principal(self, session_id: str) -> Principal:
        """Who has logged in. Raises Unauthenticated when the session has ended, PermissionDenied."""
        if _ID.fullmatch(session_id) is None:
            raise Unauthenticated(LOGGED_OUT)
        key = key_of(session_id)
        known = self._remembered.get(key)
        if known is not None and 0 <= self._now_s() - known.looked_up_s < FRESH_S:
            return known.principal
        looking = self._looking.get(key)
        if looking is None:
            looking = self._looking[key] = asyncio.get_running_loop().create_task(self._look_up(key, session_id))
            looking.add_done_callback(lambda done: self._looked_up(key, done))
        return await asyncio.shield(looking)

    async def end(self, session_id: str) -> None:
        """End a session here. What it is ended by at the provider stays, to be taken once."""
        key = key_of(session_id)
        self._remembered.pop(key, None)
        while (raw := await self._store.get(key)) is not None:
            over = msgspec.structs.replace(_read(raw), is_over=True, seen_s=self._now_s())
            if await self._store.replace(key, raw, msgspec.json.encode(over)):
                break

    async def is_over(self, session_id: str) -> bool:
        """Whether a session was ended here, and not yet at the provider."""
        raw = await self._store.get(key_of(session_id)) if _ID.fullmatch(session_id) else None
        return raw is not None and _read(raw).is_over

    async def take_over(self, session_id: str) -> Tokens | None:
        """The tokens of a session that `end` ended, which is forgotten; None where there is none."""
        key = key_of(session_id)
        raw = await self._store.get(key) if _ID.fullmatch(session_id) else None
        if raw is None or not _read(raw).is_over:
            return None
        await self._store.delete(key)
        return unsealed(session_id, _read(raw).tokens)

    async def forget(self, session_id: str) -> None:
        """End a session here, and keep nothing of it."""
        self._remembered.pop(key_of(session_id), None)
        await self._store.delete(key_of(session_id))

    async def sweep(self) -> None:
        """Forget sessions that have ended by themselves."""
        for key in await self._store.ids():
            raw = await self._store.get(key) if key.startswith(PREFIX) else None
            if raw is not None and not self._lives(_read(raw)):
                await self._store.delete(key)

    def _lives(self, session: Session) -> bool:
        now_s = self._now_s()
        return now_s < session.created_s + LIFE_S and now_s < session.seen_s + IDLE_S

    def _looked_up(self, key: str, done: asyncio.Task[Principal]) -> None:
        self._looking.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waited for it was told, if anybody still did

    async def _look_up(self, key: str, session_id: str) -> Principal:
        now_s = self._now_s()
        self._remembered.pop(key, None)
        raw = await self._store.get(key)
        session = None if raw is None else _read(raw)
        if raw is None or session is None or session.is_over:
            raise Unauthenticated(LOGGED_OUT)
        if not self._lives(session) or session.issuer != self._settings.issuer:
            await self._ended(key)
        if now_s >= session.good_until_s:
            session = await self._renewed(key, session_id, raw, session)
        elif now_s - session.seen_s >= SEEN_S:
            await self._store.replace(key, raw, msgspec.json.encode(msgspec.structs.replace(session, seen_s=now_s)))
        await self._caught_up()
        account = await self._accounts.find(Identity(session.issuer, session.subject))
        if account is None:
            await self._ended(key)
        if not may_come_in(session.groups, self._settings):
            raise PermissionDenied(f"Permission denied: only the group {self._settings.allowed_group} is let in.")
        is_admin = account.is_admin or makes_admin(session.groups, self._settings)
        principal = Principal(account.username, is_admin, groups=session.groups, user_id=account.user_id, by="session")
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = _Remembered(principal, now_s)
        return principal

    async def _renewed(self, key: str, session_id: str, raw: bytes, session: Session) -> Session:
        """The session with what the provider says now; as it was, while the provider is away or another asks it."""
        now_s = self._now_s()
        if now_s - session.refresh_begun_s < REFRESH_S:
            return session
        tokens = unsealed(session_id, session.tokens)
        if tokens.refresh is None:
            await self._ended(key)
        begun = msgspec.json.encode(msgspec.structs.replace(session, refresh_begun_s=now_s))
        if not await self._store.replace(key, raw, begun):
            return session  # another was quicker
        try:
            known, given, good_s = await self._renew(tokens.refresh or "", session.subject)
        except ProviderAway as error:
            logger.warning("sessions go on without the provider: %s", error.message)
            changed = msgspec.structs.replace(session, good_until_s=now_s + AWAY_S)
        except (GrantRefused, Unauthenticated):
            await self._ended(key)
        except PermissionDenied:
            await self._store.delete(key)
            raise
        else:
            kept = Tokens(given.refresh or tokens.refresh, given.identity or tokens.identity)
            changed = msgspec.structs.replace(
                session,
                groups=known.groups,
                seen_s=now_s,
                good_until_s=now_s + good_s,
                tokens=sealed(session_id, kept),
            )
        if not await self._store.replace(key, begun, msgspec.json.encode(changed)):
            raise Unauthenticated(LOGGED_OUT)  # logged out meanwhile
        return changed

    async def _ended(self, key: str) -> NoReturn:
        """Raises Unauthenticated."""
        await self._store.delete(key)
        raise Unauthenticated(LOGGED_OUT)


def key_of(session_id: str) -> str:
    """Under what a session is kept."""
    return f"{PREFIX}{hashlib.sha256(session_id.encode()).hexdigest()}"


def form_token(session_id: str) -> str:
    """What a form of ours holds that changes something of this session, and no other page can know."""
    return hmac.digest(session_id.encode(), b"form", "sha256").hex()


def sealed(session_id: str, tokens: Tokens) -> bytes:
    """Tokens that nobody reads who has not the id of the session."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_seal_key(session_id)).encrypt(nonce, msgspec.json.encode(tokens), None)


def unsealed(session_id: str, text: bytes) -> Tokens:
    """What `sealed` sealed."""
    plain = AESGCM(_seal_key(session_id)).decrypt(text[:12], text[12:], None)
    return msgspec.json.decode(plain, type=Tokens)


def _seal_key(session_id: str) -> bytes:
    return hmac.digest(session_id.encode(), b"seal", "sha256")


def _read(raw: bytes) -> Session:
    return msgspec.json.decode(raw, type=Session)


def good_for_s(expires_in: object) -> float:
    """How long what the provider said is taken for true, by how long its access token lives."""
    is_number = isinstance(expires_in, int | float) and not isinstance(expires_in, bool)
    return min(max(float(expires_in), MIN_GOOD_S), MAX_GOOD_S) if is_number else DEFAULT_GOOD_S  # type: ignore[arg-type]
