"""The provider of OpenID Connect, asked over HTTP: what it says of itself, and the keys that it signs with.

Source: OpenID Connect Discovery 1.0, sections 3 and 4.
"""

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

import aiohttp
import orjson
from aiohttp import hdrs

from schemas.errors import TemporarilyUnavailable
from tracklog.settings.oidc import OidcSettings, is_protected

TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0, connect=5.0)
MAX_ANSWER_BYTES: Final = 1 << 20
DISCOVERED_S: Final = 3600.0
"""After so long the provider is asked again where its endpoints are."""
LOOK_AGAIN_S: Final = 5.0
"""Between two looks at whether it answers, however many want to log in."""
CONNECTIONS: Final = 8

IN_HEADER: Final = "client_secret_basic"
INVALID_GRANT: Final = "invalid_grant"


class ProviderAway(TemporarilyUnavailable):
    """The provider does not answer, or not as one does. The message names it and says why."""


class GrantRefused(Exception):
    """A code or a refresh token counts no more: it was used, has expired, or its user may not come in any longer."""


class ProviderMetadata(NamedTuple):
    """Where a provider says that it is asked for what; None where it has no such endpoint."""

    jwks: str
    authorization: str | None
    token: str | None
    userinfo: str | None
    end_session: str | None
    has_groups_scope: bool
    takes_secret_in_header: bool


class Provider:
    """Raises ProviderAway wherever it asks. It must be opened inside the event loop, and closed.

    `now_s` is a clock that only grows.
    """

    def __init__(self, settings: OidcSettings, now_s: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._now_s = now_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=settings.tls(), limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=TIMEOUT,
        )
        self._metadata: ProviderMetadata | None = None
        self._discovered_s = 0.0
        self._looking = asyncio.Lock()
        self._looked_s = float("-inf")
        self._away_then: ProviderAway | None = None

    async def close(self) -> None:
        await self._session.close()

    async def metadata(self) -> ProviderMetadata:
        """Where it is asked for what. Known ones go on counting when it cannot be asked again."""
        known = self._metadata
        if known is not None and self._now_s() - self._discovered_s < DISCOVERED_S:
            return known
        try:
            self._metadata = await self._discover()
        except ProviderAway:
            if known is None:
                raise
            return known
        self._discovered_s = self._now_s()
        return self._metadata

    async def answering(self) -> ProviderMetadata:
        """The same of a provider that has answered a moment ago: nobody is to be sent to one that is away."""
        async with self._looking:
            now_s = self._now_s()
            if now_s - self._looked_s >= LOOK_AGAIN_S:
                self._looked_s, self._away_then = now_s, None
                try:
                    self._metadata = await self._discover()
                except ProviderAway as error:
                    self._away_then = error
                else:
                    self._discovered_s = now_s
            if self._away_then is not None:
                raise self._away_then
        return await self.metadata()

    async def keys(self) -> list[Any]:
        """The keys it signs with, as JSON Web Keys: whatever is in its list."""
        found = await self._ask("GET", (await self.metadata()).jwks)
        keys = found.get("keys")
        if not isinstance(keys, list):
            raise self._away("its answer holds no keys")
        return keys

    async def tokens(self, **grant: str) -> Mapping[str, Any]:
        """What the token endpoint gives for a grant. Raises GrantRefused."""
        metadata = await self.metadata()
        if metadata.token is None:
            raise self._away("it has no token endpoint")
        client_id, secret = self._settings.client_id, self._settings.client_secret
        headers = {}
        if secret is None:
            grant["client_id"] = client_id
        elif metadata.takes_secret_in_header:  # RFC 6749, section 2.3.1
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers[hdrs.AUTHORIZATION] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            grant |= {"client_id": client_id, "client_secret": secret}
        return await self._ask("POST", metadata.token, data=grant, headers=headers)

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """What the provider says of who owns a token."""
        url = (await self.metadata()).userinfo
        if url is None:
            raise self._away("it says of nobody who they are")
        return await self._ask("GET", url, headers={hdrs.AUTHORIZATION: f"Bearer {access_token}"})

    async def _discover(self) -> ProviderMetadata:
        found = await self._ask("GET", f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._settings.issuer:
            raise self._away("it calls itself by another issuer")
        jwks = self._endpoint(found, "jwks_uri")
        if jwks is None:
            raise self._away("it does not say where its keys are")
        return ProviderMetadata(
            jwks,
            self._endpoint(found, "authorization_endpoint"),
            self._endpoint(found, "token_endpoint"),
            self._endpoint(found, "userinfo_endpoint"),
            self._endpoint(found, "end_session_endpoint"),
            "groups" in _texts(found.get("scopes_supported", [])),
            IN_HEADER in _texts(found.get("token_endpoint_auth_methods_supported", [IN_HEADER])),
        )

    def _endpoint(self, found: dict[str, Any], name: str) -> str | None:
        url = found.get(name)
        if url is None:
            return None
        if not isinstance(url, str) or not is_protected(url):
            raise self._away(f"its {name} is no https URL")
        return url

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """The object that an answer of 200 holds."""
        try:
            async with self._session.request(method, url, allow_redirects=False, **options) as answer:
                status, body = answer.status, await _bounded(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._away(reason(error)) from error
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if status == 400 and isinstance(found, dict) and found.get("error") == INVALID_GRANT:
            raise GrantRefused
        if status != 200:
            raise self._away(f"it answered {status}")
        if not isinstance(found, dict):
            raise self._away("its answer is no JSON object")
        return found

    def _away(self, why: str) -> ProviderAway:
        return ProviderAway(f"The provider of single sign-on, {self._settings.issuer}, cannot be asked: {why}.")


def _texts(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    """The body as far as it is bounded; a longer one is cut off, and then no JSON."""
    body = b""
    while len(body) < MAX_ANSWER_BYTES and (piece := await answer.content.read(MAX_ANSWER_BYTES - len(body))):
        body += piece
    return body


def reason(error: Exception) -> str:
    """Why somebody was not reached, in words that hold nothing of what was said."""
    match error:
        case TimeoutError():
            return "it does not answer in time"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "its certificate is not trusted"
        case aiohttp.ClientConnectorError():
            return "nobody answers there"
        case _:
            return "the connection broke off"
