"""When the provider is asked for its keys, and which of them count."""

import asyncio
from typing import Any

import pytest

from schemas.errors import RequestLimitExceeded, TemporarilyUnavailable
from tests.unit.tracklog.authentication.oidc.provider_keys import CURVE_KEY, EDWARDS_KEY, KEY, KEYS, WEAK_KEY, jwk
from tracklog.authentication.oidc.provider import ProviderAway
from tracklog.authentication.oidc.signing_keys import AGAIN_S, OUTDATED_S, REFRESH_S, SigningKeys, usable_keys


class Asked:
    """A provider that counts how often it is asked, at a time that the test says."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.published: list[Any] = list(KEYS)
        self.is_away = False
        self.times = 0
        self.keys = SigningKeys(self._keys, lambda: self.now_s)

    async def _keys(self) -> list[Any]:
        self.times += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise ProviderAway("away")
        return self.published

    async def has(self, key_id: str) -> bool:
        return await self.keys.key(key_id, "RS256") is not None


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_known_keys_are_not_asked_for_again(asked: Asked) -> None:
    for _ in range(10):
        assert await asked.has("rsa")
    assert asked.times == 1


async def test_many_who_come_at_once_ask_once(asked: Asked) -> None:
    assert all(await asyncio.gather(*(asked.has("rsa") for _ in range(50))))
    assert asked.times == 1


async def test_a_key_that_is_new_is_found(asked: Asked) -> None:
    assert await asked.has("rsa")
    asked.now_s += AGAIN_S
    asked.published = [jwk(KEY, "newer")]
    assert await asked.has("newer")
    assert asked.times == 2


async def test_made_up_ids_do_not_have_the_provider_asked_more_often(asked: Asked) -> None:
    assert await asked.has("rsa")
    for number in range(200):
        asked.now_s += AGAIN_S / 99
        try:
            assert not await asked.has(f"made up {number}")
        except RequestLimitExceeded:
            continue
    assert asked.times == 3
    assert await asked.has("rsa")


async def test_known_keys_go_on_counting_while_the_provider_is_away(asked: Asked) -> None:
    assert await asked.has("rsa")
    asked.is_away = True
    for _ in range(5):
        asked.now_s += REFRESH_S + 1
        assert await asked.has("rsa")
        with pytest.raises(TemporarilyUnavailable):
            await asked.has("newer")
    asked.now_s += OUTDATED_S
    with pytest.raises(TemporarilyUnavailable):
        await asked.has("rsa")


async def test_a_provider_that_is_away_is_not_asked_at_each_request(asked: Asked) -> None:
    asked.is_away = True
    for _ in range(10):
        with pytest.raises(TemporarilyUnavailable):
            await asked.has("rsa")
    assert asked.times == 1
    asked.is_away = False
    asked.now_s += AGAIN_S
    assert await asked.has("rsa")


async def test_a_key_that_was_taken_back_is_forgotten(asked: Asked) -> None:
    assert await asked.has("rsa")
    asked.published = [jwk(KEY, "newer")]
    asked.now_s += REFRESH_S + 1
    assert await asked.has("rsa")  # and the provider is asked beside that
    while asked.times < 2 or not await asked.has("newer"):
        await asyncio.sleep(0)
    asked.now_s += AGAIN_S
    assert not await asked.has("rsa")


@pytest.mark.parametrize(
    "published",
    [
        "key",
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
        jwk(WEAK_KEY, "a"),
        jwk(KEY, "a", use="enc"),
        jwk(KEY, "a", key_ops=["encrypt"]),
        jwk(KEY, "a", key_ops=None),
        jwk(KEY, "a", alg="HS256"),
        jwk(KEY, "a", alg=["RS256"]),
        jwk(KEY, "a", n="?"),
        jwk(KEY, "a", n=1),
        jwk(KEY, "a", kid=1),
        jwk(CURVE_KEY, "a", crv="secp256k1"),
        jwk(CURVE_KEY, "a", x="AAAA"),
        jwk(EDWARDS_KEY, "a", crv="X25519"),
        {"kty": "EC", "kid": "a"},
        {},
    ],
    ids=[
        *("text", "a shared secret", "a short key", "for encryption", "for other operations", "no operations"),
        *("an algorithm of shared secrets", "algorithms", "no number", "a number", "an id that is a number"),
        *("another curve", "a point off the curve", "a curve to agree by", "without its parts", "empty"),
    ],
)
def test_what_is_no_key_to_check_by_is_left_out(published: Any) -> None:
    assert [key.key_id for key in usable_keys([published, jwk(KEY, "good")])] == ["good"]


async def test_of_keys_without_an_id_the_only_one_counts(asked: Asked) -> None:
    asked.published = [jwk(KEY, None), jwk(CURVE_KEY, None)]
    assert await asked.keys.key(None, "RS256") is not None
    asked.now_s += AGAIN_S
    asked.published = [jwk(KEY, "a"), jwk(KEY, "b")]
    assert await asked.keys.key("a", "RS256") is not None
    asked.now_s += AGAIN_S
    assert await asked.keys.key(None, "RS256") is None


async def test_a_private_part_that_a_provider_shows_is_not_kept() -> None:
    from jwt.algorithms import RSAAlgorithm

    (key,) = usable_keys([{**RSAAlgorithm.to_jwk(KEY, as_dict=True), "key_ops": ["sign", "verify"], "kid": "a"}])
    assert not hasattr(key.key, "private_numbers")
