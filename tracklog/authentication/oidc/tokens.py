"""Tokens of a provider, checked: signed by it, for this server, now, and made to be shown.

Source: RFC 7519; RFC 8725 (best current practices); RFC 9068, section 4; OpenID Connect Core 1.0, section 3.1.3.7.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from jwt import PyJWS, PyJWTError

from schemas.errors import Unauthenticated
from tracklog.authentication.oidc.signing_keys import ALGORITHMS, SigningKeys

MAX_TOKEN_CHARACTERS: Final = 16 * 1024
MAX_KEY_ID_CHARACTERS: Final = 256
MAX_SUBJECT_CHARACTERS: Final = 255
"""As OpenID Connect bounds it."""

LEEWAY_S: Final = 30.0
"""By how much the clocks here and there may differ."""

ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
TOKEN_TYPES: Final = frozenset({"jwt", "application/jwt"}) | ACCESS_TOKEN_TYPES

OF_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash")
"""What tells that a token was made for the one client that asked for it, and not to be shown to others."""

_THREE_PARTS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_JWS: Final = PyJWS(algorithms=sorted(ALGORITHMS))


class SignedToken(NamedTuple):
    """A token whose signature is right."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"You are not authenticated. The token is not accepted: {why}.")


def looks_like_token(text: str) -> bool:
    """Whether `text` is three parts of which the first is a header, as a JSON Web Token has it."""
    return _THREE_PARTS.fullmatch(text) is not None and header_of(text) is not None


def header_of(token: str) -> dict[str, Any] | None:
    """The header that a token has, not believed; None for what has none."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        return None
    encoded = token.partition(".")[0]
    try:
        header = orjson.loads(base64.b64decode(f"{encoded}{'=' * (-len(encoded) % 4)}", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    return header if isinstance(header, dict) else None


async def signed_token(token: str, keys: SigningKeys) -> SignedToken:
    """A token that one of `keys` has signed, which need be neither for us nor of now.

    Nothing in its header leads to a key but the id of one that the provider has. Raises Unauthenticated, and what
    SigningKeys raises.
    """
    header = header_of(token)
    if header is None:
        raise refused("it is none")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused("it is not signed by an algorithm that counts here")
    if not (key_id is None or (isinstance(key_id, str) and len(key_id) <= MAX_KEY_ID_CHARACTERS)):
        raise refused("the id of its key is none")
    if "crit" in header or "b64" in header:
        raise refused("its header asks for what is not known here")
    key = await keys.key(key_id, algorithm)
    if key is None:
        raise refused("the provider has no key by which it is signed")
    try:
        claims = orjson.loads(_JWS.decode(token, key.key, algorithms=[algorithm]))
    except (PyJWTError, ValueError, TypeError) as error:
        raise refused("its signature is wrong") from error
    if not isinstance(claims, dict):
        raise refused("it holds no claims")
    return SignedToken(header, claims)


def check_claims(claims: Mapping[str, Any], issuer: str, audience: str, now_s: float) -> None:
    """Raises Unauthenticated unless a token is of `issuer`, for `audience`, and good now: seconds since the epoch."""
    if claims.get("iss") != issuer:
        raise refused(f"its issuer is not {issuer}")
    meant_for = claims.get("aud")
    if audience not in (meant_for if isinstance(meant_for, list) else [meant_for]):
        raise refused(f"it is not meant for {audience}")
    expires_s = _time(claims, "exp")
    if expires_s is None:
        raise refused("it never ends")
    if now_s >= expires_s + LEEWAY_S:
        raise refused("it has expired")
    for name in ("nbf", "iat"):
        begins_s = _time(claims, name)
        if begins_s is not None and now_s < begins_s - LEEWAY_S:
            raise refused("it is not good yet")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or not subject.isprintable():
        raise refused("it names nobody")


def check_is_access_token(token: SignedToken) -> None:
    """Raises Unauthenticated for a token of another kind: of a login, of a log-out, to get others by.

    Each is signed by the same keys, and may well be meant for this server, which is where it was sent by itself.
    """
    header, claims = token
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TOKEN_TYPES:
        raise refused("its type is not that of an access token")
    named = claims.get("typ")  # Keycloak says there what a token is
    if named is not None and str(named).lower() != "bearer":
        raise refused("it is no access token")
    is_declared = named is not None or kind.lower() in ACCESS_TOKEN_TYPES
    if "events" in claims or (not is_declared and any(name in claims for name in OF_ID_TOKENS)):
        raise refused("it is no access token")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """A time in seconds since the epoch; None where there is none. Raises Unauthenticated for what is no number."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(f"its {name} is no time")
    return float(value)
