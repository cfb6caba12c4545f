"""The keys that a provider signs with: known by their ids, fetched again when they are old or one is not known."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from schemas.errors import RequestLimitExceeded
from tracklog.authentication.oidc.provider import ProviderAway

logger = logging.getLogger(__name__)

REFRESH_S: Final = 600.0
"""After so long known keys are fetched again, beside their use: one that the provider took back is forgotten then."""
OUTDATED_S: Final = 86_400.0
"""For so long keys count while the provider cannot be asked."""
AGAIN_S: Final = 5.0
"""Between two fetches at the least, whatever ids of keys somebody makes up."""

MAX_KEYS: Final = 100
MIN_RSA_BITS: Final = 2048

RSA_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
ALGORITHMS: Final = RSA_ALGORITHMS | frozenset({*CURVES.values(), "EdDSA"})
"""What a token may be signed by. All are asymmetric: a public key that is taken for a shared secret opens nothing."""

UNKNOWN_KEY: Final = "A token is signed by a key that was not known a moment ago; try again."


class SigningKey(NamedTuple):
    """A public key, with the algorithms that it may be used by."""

    key_id: str | None
    algorithms: frozenset[str]
    key: Any


class SigningKeys:
    """`fetch` asks the provider, and raises ProviderAway. `now_s` is a clock that only grows."""

    def __init__(self, fetch: Callable[[], Awaitable[Iterable[Any]]], now_s: Callable[[], float]) -> None:
        self._fetch = fetch
        self._now_s = now_s
        self._keys: list[SigningKey] = []
        self._fetched_s = self._asked_s = float("-inf")
        self._away: ProviderAway | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        """The key of a token; None when the provider has no such key.

        A token without an id of a key is signed by the only one that fits. Raises ProviderAway when the provider cannot
        be asked and the key is not known, RequestLimitExceeded when it was asked just now.
        """
        age_s = self._now_s() - self._fetched_s
        found = self._find(key_id, algorithm) if age_s < OUTDATED_S else None
        if found is not None:
            if age_s > REFRESH_S and self._may_ask():
                self._begin_to_fetch()
            return found
        if self._is_fetching() or self._may_ask():
            await asyncio.shield(self._begin_to_fetch())
        elif self._away is None:
            raise RequestLimitExceeded(UNKNOWN_KEY)
        if self._away is not None:
            raise self._away
        return self._find(key_id, algorithm)

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _find(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        fitting = [one for one in self._keys if algorithm in one.algorithms and key_id in (None, one.key_id)]
        return fitting[0] if len(fitting) == 1 else None

    def _may_ask(self) -> bool:
        return self._now_s() - self._asked_s >= AGAIN_S

    def _is_fetching(self) -> bool:
        return self._fetching is not None and not self._fetching.done()

    def _begin_to_fetch(self) -> asyncio.Task[None]:
        """The fetch that is under way, or a new one."""
        if self._fetching is None or self._fetching.done():
            self._asked_s = self._now_s()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch_all())
        return self._fetching

    async def _fetch_all(self) -> None:
        try:
            self._keys = usable_keys(await self._fetch())
        except ProviderAway as error:
            if self._away is None:
                logger.warning("%s", error.message)
            self._away = error
            return
        self._fetched_s = self._now_s()
        if self._away is not None:
            logger.info("the provider of single sign-on answers again")
        self._away = None


def usable_keys(found: Iterable[Any]) -> list[SigningKey]:
    """Those of a list of JSON Web Keys that signatures can be checked by; the others are left out.

    Source: RFC 7517; RFC 8725, section 3.
    """
    keys = (_usable(jwk) for jwk in list(found)[:MAX_KEYS] if isinstance(jwk, dict))
    return [key for key in keys if key is not None]


def _usable(jwk: dict[str, Any]) -> SigningKey | None:
    key_id, declared = jwk.get("kid"), jwk.get("alg")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(key_id, str | None) or not isinstance(declared, str | None) or not isinstance(operations, list):
        return None
    if jwk.get("use", "sig") != "sig" or "verify" not in operations:
        return None
    try:
        algorithms, key = _public_key(jwk)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if declared is not None:
        algorithms &= {declared}
    return SigningKey(key_id, algorithms, key) if algorithms else None


def _public_key(jwk: dict[str, Any]) -> tuple[frozenset[str], Any]:
    """A key without its private part, which a provider must not show and a check does not need."""
    match jwk.get("kty"):
        case "RSA":
            key = RSAAlgorithm.from_jwk({name: jwk[name] for name in ("kty", "n", "e")})
            if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
                return RSA_ALGORITHMS, key
        case "EC":
            if jwk["crv"] in CURVES:
                key_of_curve = ECAlgorithm.from_jwk({name: jwk[name] for name in ("kty", "crv", "x", "y")})
                return frozenset({CURVES[jwk["crv"]]}), key_of_curve
        case "OKP":
            edwards = OKPAlgorithm.from_jwk({name: jwk[name] for name in ("kty", "crv", "x")})
            if isinstance(edwards, Ed25519PublicKey):
                return frozenset({"EdDSA"}), edwards
        case _:
            pass
    raise ValueError("no key of a known kind")
