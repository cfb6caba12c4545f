"""Hashes of passwords that MLflow wrote, by Werkzeug, which checks that they are what it writes."""

import pytest
from werkzeug.security import generate_password_hash

from schemas.werkzeug_hashes import is_of, is_werkzeug_hash

METHODS = ("scrypt:1024:8:1", "pbkdf2:sha256:1000", "pbkdf2:sha1:1000", "pbkdf2:sha512:1000")


@pytest.mark.parametrize("method", METHODS)
def test_only_the_password_is_taken(method: str) -> None:
    kept = generate_password_hash("pässword", method)
    assert is_werkzeug_hash(kept)
    assert is_of(kept, "pässword")
    assert not is_of(kept, "password")


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        "md5:1$salt$00",
        f"scrypt:1000:8:1$salt${'0' * 128}",  # no power of two
        f"scrypt:4194304:8:1$salt${'0' * 128}",  # four GiB
        f"scrypt:1024:8:64$salt${'0' * 128}",  # for ever
        f"pbkdf2:sha256:999999999$salt${'0' * 64}",
        f"scrypt:1024:8:1$salt${'0' * 128}\n",
    ],
)
def test_what_is_no_such_hash_or_would_cost_much_is_of_no_password(kept: str) -> None:
    assert not is_werkzeug_hash(kept)
    assert not is_of(kept, "password")
