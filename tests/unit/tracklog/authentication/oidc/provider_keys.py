"""The keys of a provider that is none, the tokens that it signs, and those that somebody forges."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tracklog.settings.oidc import OidcSettings

ISSUER: Final = "https://sso.example.com/realms/lab"
NOW_S: Final = 1_800_000_000
SETTINGS: Final = OidcSettings(issuer=ISSUER, client_id="tracklog", audience="tracklog")

KEY: Final = rsa.generate_private_key(65537, 2048)
OTHERS_KEY: Final = rsa.generate_private_key(65537, 2048)
WEAK_KEY: Final = rsa.generate_private_key(65537, 1024)
CURVE_KEY: Final = ec.generate_private_key(ec.SECP256R1())
EDWARDS_KEY: Final = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, key_id: str | None, **more: Any) -> dict[str, Any]:
    """The public half of a key as a JSON Web Key; `more` may name what is to be there beside or instead."""
    match key:
        case rsa.RSAPrivateKey():
            found = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case ec.EllipticCurvePrivateKey():
            found = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            found = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    found.pop("key_ops", None)
    return {**found, **({} if key_id is None else {"kid": key_id}), "use": "sig", **more}


KEYS: Final = [jwk(KEY, "rsa"), jwk(CURVE_KEY, "curve"), jwk(EDWARDS_KEY, "edwards")]


def claims(**changed: Any) -> dict[str, Any]:
    """What a token says of ada; a claim that is changed to None is left out."""
    found = {
        "iss": ISSUER,
        "aud": ["account", "tracklog"],
        "sub": "ada-1",
        "exp": NOW_S + 300,
        "iat": NOW_S - 10,
        "typ": "Bearer",
        "preferred_username": "ada",
        "groups": ["readers", "mlops"],
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def token(
    said: Mapping[str, Any] | None = None,
    *,
    key: Any = KEY,
    key_id: str | None = "rsa",
    algorithm: str = "RS256",
    **header: Any,
) -> str:
    """A token signed by a key of the provider, unless another is given."""
    named = {} if key_id is None else {"kid": key_id}
    payload = json.dumps(claims() if said is None else said).encode()
    return jwt.PyJWS().encode(payload, key, algorithm, {**named, **header})


def forged(header: Mapping[str, Any], said: Mapping[str, Any], secret: bytes | None = None) -> str:
    """A token whose header says what it likes: signed by HMAC with `secret`, or not at all."""
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in (header, said))
    signature = b"" if secret is None else hmac.digest(secret, signed, hashlib.sha256)
    return (signed + b"." + _encoded(signature)).decode()


def public_pem() -> bytes:
    """The key that everybody knows, as one would take it for a shared secret."""
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
