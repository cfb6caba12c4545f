"""Logging in by authorization code with PKCE, and what the provider's answer makes of it.

Source: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 9207 (issuer in the answer).
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from tracklog.authentication.oidc.claims import known_by
from tracklog.authentication.oidc.provider import Provider, ProviderAway
from tracklog.authentication.oidc.sessions import Renewed, Tokens, good_for_s
from tracklog.authentication.oidc.signing_keys import SigningKeys
from tracklog.authentication.oidc.tokens import check_claims, refused, signed_token
from tracklog.settings.oidc import OidcSettings

SCOPES: Final = "openid profile email"
MAX_RETURN_CHARACTERS: Final = 2048

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%?-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
"""A path and query of this origin: a second slash, or a backslash, would name another host."""


class Attempt(NamedTuple):
    """One login under way: a secret that the browser keeps, of which all else is made, and where it leads back to."""

    secret: str
    back_to: str

    @classmethod
    def new(cls, back_to: str) -> "Attempt":
        return cls(secrets.token_urlsafe(32), back_to)

    @classmethod
    def read(cls, text: str) -> "Attempt | None":
        """What `text` made of one; None for what is none."""
        secret, _, path = text.partition(".")
        try:
            back_to = base64.urlsafe_b64decode(path).decode()
        except ValueError:
            return None
        return cls(secret, back_to) if _SECRET.fullmatch(secret) and is_own_path(back_to) else None

    def is_of(self, state: str) -> bool:
        """Whether `state` came back from this login."""
        return hmac.compare_digest(state.encode(), self.state.encode())

    @property
    def text(self) -> str:
        """As the browser keeps it."""
        return f"{self.secret}.{base64.urlsafe_b64encode(self.back_to.encode()).decode()}"

    @property
    def state(self) -> str:
        return self._made("state")

    @property
    def nonce(self) -> str:
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        return self._made("verifier")

    @property
    def challenge(self) -> str:
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())

    def _made(self, purpose: str) -> str:
        return _encoded(hmac.digest(self.secret.encode(), purpose.encode(), "sha256"))


class Login:
    """Asks the provider. `now_s` is the time."""

    def __init__(
        self, settings: OidcSettings, provider: Provider, keys: SigningKeys, now_s: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._keys = keys
        self._now_s = now_s

    async def url(self, attempt: Attempt, callback: str) -> str:
        """Where a browser logs in, and comes back from to `callback`. Raises ProviderAway."""
        metadata = await self._provider.answering()
        if metadata.authorization is None:
            raise ProviderAway(f"The provider of single sign-on, {self._settings.issuer}, has no login for browsers.")
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": callback,
            "scope": f"{SCOPES} groups" if metadata.has_groups_scope else SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return with_query(metadata.authorization, asked)

    async def finished(self, attempt: Attempt, code: str, callback: str) -> Renewed:
        """Who has logged in. Raises ProviderAway, GrantRefused, Unauthenticated, PermissionDenied."""
        given = await self._provider.tokens(
            grant_type="authorization_code", code=code, redirect_uri=callback, code_verifier=attempt.verifier
        )
        token = given.get("id_token")
        if not isinstance(token, str):
            raise refused("the provider gave none")
        claims = await self._claims(token)
        if not hmac.compare_digest(str(claims.get("nonce")), attempt.nonce):
            raise refused("it is of another login")
        return self._renewed(claims, given)

    async def renewed(self, refresh_token: str, subject: str) -> Renewed:
        """Who `subject` is by now. Raises ProviderAway, GrantRefused, Unauthenticated, PermissionDenied."""
        given = await self._provider.tokens(grant_type="refresh_token", refresh_token=refresh_token)
        token = given.get("id_token")
        if isinstance(token, str):
            claims = await self._claims(token)
        else:
            claims = await self._provider.userinfo(str(given.get("access_token")))
        if claims.get("sub") != subject:
            raise refused("it is another user's")
        return self._renewed(claims, given)

    async def log_out_url(self, tokens: Tokens, back_to: str) -> str | None:
        """Where a browser ends the session at the provider; None where that cannot be. Raises ProviderAway."""
        end_session = (await self._provider.metadata()).end_session
        if end_session is None:
            return None
        asked = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back_to}
        return with_query(end_session, asked | ({"id_token_hint": tokens.identity} if tokens.identity else {}))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """What an ID token says, which is checked. Source: OpenID Connect Core 1.0, section 3.1.3.7."""
        claims = (await signed_token(token, self._keys)).claims
        check_claims(claims, self._settings.issuer, self._settings.client_id, self._now_s())
        audiences, party = claims.get("aud"), claims.get("azp")
        if party != self._settings.client_id and (party is not None or (isinstance(audiences, list) and audiences[1:])):
            raise refused("it was made for another client")
        return claims

    def _renewed(self, claims: Mapping[str, Any], given: Mapping[str, Any]) -> Renewed:
        tokens = Tokens(_text(given.get("refresh_token")), _text(given.get("id_token")))
        return Renewed(known_by(claims, self._settings), tokens, good_for_s(given.get("expires_in")))


def is_own_path(path: str) -> bool:
    """Whether `path` is one of this origin, and of nothing else however a browser reads it."""
    return len(path) <= MAX_RETURN_CHARACTERS and _PATH.fullmatch(path) is not None


def with_query(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
