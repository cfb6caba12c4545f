"""Which tokens of a provider count: every known way to forge one, and to use one for what it is not made for."""

from typing import Any

import jwt
import orjson
import pytest

from schemas.errors import Unauthenticated
from tests.unit.tracklog.authentication.oidc.provider_keys import (
    CURVE_KEY,
    EDWARDS_KEY,
    ISSUER,
    KEY,
    KEYS,
    NOW_S,
    OTHERS_KEY,
    claims,
    forged,
    jwk,
    public_pem,
    token,
)
from tracklog.authentication.oidc.signing_keys import SigningKeys
from tracklog.authentication.oidc.tokens import (
    LEEWAY_S,
    MAX_TOKEN_CHARACTERS,
    check_claims,
    check_is_access_token,
    looks_like_token,
    signed_token,
)


async def fetched() -> list[dict[str, Any]]:
    return KEYS


async def accepted(text: str, now_s: float = NOW_S) -> dict[str, Any]:
    """The claims of a token that counts. Raises Unauthenticated."""
    signed = await signed_token(text, SigningKeys(fetched, lambda: 0.0))
    check_claims(signed.claims, ISSUER, "tracklog", now_s)
    check_is_access_token(signed)
    return dict(signed.claims)


@pytest.mark.parametrize(
    "text",
    [
        token(),
        token(algorithm="PS256"),
        token(key=CURVE_KEY, key_id="curve", algorithm="ES256"),
        token(key=EDWARDS_KEY, key_id="edwards", algorithm="EdDSA"),
        token(key=CURVE_KEY, key_id=None, algorithm="ES256"),
        token(claims(typ=None), typ="at+jwt"),
        token(claims(typ=None, nonce="n"), typ="application/at+jwt"),
        token(claims(typ=None)),
        token(claims(aud="tracklog")),
        token(claims(iat=None)),
    ],
    ids=["RS256", "PS256", "ES256", "EdDSA", "no kid", "at+jwt", "whole type", "untyped", "one audience", "no iat"],
)
async def test_a_token_of_the_provider_counts(text: str) -> None:
    assert (await accepted(text))["sub"] == "ada-1"


ALIEN = jwk(OTHERS_KEY, "rsa")

FORGED = {
    "alg none": forged({"alg": "none", "kid": "rsa"}, claims()),
    "alg None": forged({"alg": "None", "kid": "rsa"}, claims()),
    "no alg": forged({"kid": "rsa"}, claims()),
    "alg is a list": forged({"alg": ["RS256"], "kid": "rsa"}, claims()),
    "HS256 with the public key": forged({"alg": "HS256", "kid": "rsa"}, claims(), public_pem()),
    "HS256 with the key as JSON": forged({"alg": "HS256", "kid": "rsa"}, claims(), orjson.dumps(KEYS[0])),
    "HS256 with nothing": forged({"alg": "HS256", "kid": "rsa"}, claims(), b""),
    "RS256 without a signature": token().rpartition(".")[0] + ".",
    "HMAC called RS256": forged({"alg": "RS256", "kid": "rsa"}, claims(), public_pem()),
    "somebody else's key": token(key=OTHERS_KEY),
    "somebody else's key, brought along": token(key=OTHERS_KEY, jwk=ALIEN),
    "somebody else's key, at a URL": token(key=OTHERS_KEY, jku="https://evil.example.com/keys"),
    "somebody else's certificate, at a URL": token(key=OTHERS_KEY, x5u="https://evil.example.com/cert"),
    "somebody else's certificate": token(key=OTHERS_KEY, x5c=["MIIB"]),
    "a kid that is a path": token(key=OTHERS_KEY, key_id="../../../../dev/null"),
    "a kid that is SQL": token(key=OTHERS_KEY, key_id="x' UNION SELECT 'key"),
    "a kid that is a URL": token(key=OTHERS_KEY, key_id="https://evil.example.com/keys"),
    "an empty kid": token(key=OTHERS_KEY, key_id=""),
    "a kid that is a number": forged({"alg": "RS256", "kid": 1}, claims()),
    "a long kid": token(key_id="k" * 300),
    "the kid of another kind of key": token(key_id="curve"),
    "another curve's algorithm": forged({"alg": "ES512", "kid": "curve"}, claims()),
    "changed claims": ".".join([token().split(".")[0], token(claims(sub="root")).split(".")[1], token().split(".")[2]]),
    "an extension that must be understood": token(crit=["exp"]),
    "a payload that is not encoded": token(b64=False),
    "no issuer": token(claims(iss=None)),
    "another issuer": token(claims(iss="https://evil.example.com")),
    "an issuer that begins alike": token(claims(iss=f"{ISSUER}.evil.example.com")),
    "an issuer with a slash": token(claims(iss=f"{ISSUER}/")),
    "an issuer in capitals": token(claims(iss=ISSUER.upper())),
    "issuers": token(claims(iss=[ISSUER])),
    "no audience": token(claims(aud=None)),
    "another audience": token(claims(aud="grafana")),
    "audiences of others": token(claims(aud=["grafana", "tracklog-staging"])),
    "an audience that holds ours": token(claims(aud="my tracklog")),
    "our client asked, for another": token(claims(aud="account", azp="tracklog")),
    "no end": token(claims(exp=None)),
    "an end that is text": token(claims(exp=str(NOW_S + 300))),
    "an end that is true": token(claims(exp=True)),
    "expired": token(claims(exp=NOW_S - LEEWAY_S)),
    "not good yet": token(claims(nbf=NOW_S + LEEWAY_S + 1)),
    "made in the future": token(claims(iat=NOW_S + LEEWAY_S + 1)),
    "nobody's": token(claims(sub=None)),
    "of an empty subject": token(claims(sub="")),
    "of a subject with a line break": token(claims(sub="ada\n")),
    "of a number": jwt.PyJWS().encode(orjson.dumps(claims(sub=1)), KEY, "RS256", {"kid": "rsa"}),
    "of a long subject": token(claims(sub="x" * 256)),
    "an ID token of Keycloak": token(claims(typ="ID")),
    "a refresh token": token(claims(typ="Refresh")),
    "a token bound to a key": token(claims(typ="DPoP")),
    "an ID token with a nonce": token(claims(typ=None, nonce="n")),
    "an ID token with the hash of a token": token(claims(typ=None, at_hash="h")),
    "a token of a log-out": token(claims(typ=None), typ="logout+jwt"),
    "an untyped token of a log-out": token(claims(events={"http://schemas.openid.net/event/backchannel-logout": {}})),
    "claims that are a list": jwt.PyJWS().encode(b"[1]", KEY, "RS256", {"kid": "rsa"}),
    "claims that are no JSON": jwt.PyJWS().encode(b"{", KEY, "RS256", {"kid": "rsa"}),
    "two parts": "e30.e30",
    "five parts": "e30.e30.e30.e30.e30",
    "nothing": "",
    "a token that is too long": token(claims(groups=["g" * MAX_TOKEN_CHARACTERS])),
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
async def test_no_other_counts(text: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await accepted(text)
    assert text not in refusal.value.message or not text


async def never_asked() -> list[dict[str, Any]]:
    raise AssertionError("asked")


@pytest.mark.parametrize(
    "which",
    [
        *("alg none", "HS256 with the public key", "a long kid", "a kid that is a number"),
        *("an extension that must be understood", "a payload that is not encoded"),
    ],
)
async def test_the_provider_is_not_asked_about_what_cannot_count(which: str) -> None:
    with pytest.raises(Unauthenticated):
        await signed_token(FORGED[which], SigningKeys(never_asked, lambda: 0.0))


async def test_clocks_may_differ_by_a_little() -> None:
    await accepted(token(claims(exp=NOW_S - LEEWAY_S + 1, nbf=NOW_S + LEEWAY_S, iat=NOW_S + LEEWAY_S)))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (token(), True),
        (forged({"alg": "none"}, claims()), True),
        ("a.b.c", False),
        ("my.pass.word", False),
        ("e30.e30.e30", True),
        ("e30.e30", False),
        ("WzFd.e30.e30", False),  # a list
        (token() + " ", False),
        ("tracklog_0123456789abcdef_x", False),
        (f"{token()}é", False),
    ],
)
def test_a_password_is_not_taken_for_a_token(text: str, is_one: bool) -> None:
    assert looks_like_token(text) is is_one
