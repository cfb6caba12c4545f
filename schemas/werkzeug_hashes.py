"""Hashes of passwords as Werkzeug writes them, and with it MLflow: checked, and never made.

Source: werkzeug.security, `scrypt:N:r:p$salt$hex` and `pbkdf2:digest:iterations$salt$hex`.
"""

import hashlib
import hmac
import re
from typing import Final

MOST_SCRYPT_BYTES: Final = 256 * 1024 * 1024
"""Werkzeug takes 32 MiB. Whoever wrote a hash must not choose how much memory it takes to check it."""
MOST_ITERATIONS: Final = 5_000_000
"""Werkzeug takes 600,000 and took 260,000 before."""

_SCRYPT: Final = re.compile(r"scrypt:(\d{1,9}):(\d{1,4}):(\d{1,3})\$([^$]{1,255})\$([0-9a-f]{128})\Z")
_PBKDF2: Final = re.compile(r"pbkdf2:(sha1|sha256|sha512):(\d{1,9})\$([^$]{1,255})\$([0-9a-f]{40,128})\Z")


def is_werkzeug_hash(kept: str) -> bool:
    """Whether it is a hash that can be checked here, at a cost that is bounded."""
    if (scrypt := _SCRYPT.match(kept)) is not None:
        n, r, p = (int(scrypt[index]) for index in (1, 2, 3))
        return n > 1 and n & (n - 1) == 0 and r > 0 and 0 < p <= 8 and 128 * n * r < MOST_SCRYPT_BYTES
    pbkdf2 = _PBKDF2.match(kept)
    return pbkdf2 is not None and 0 < int(pbkdf2[2]) <= MOST_ITERATIONS


def is_of(kept: str, password: str) -> bool:
    """Whether it is the hash of a password. False for what is none of these hashes. Takes some 50 ms of a processor."""
    if not is_werkzeug_hash(kept):
        return False
    secret = password.encode("utf-8", "surrogatepass")
    if (scrypt := _SCRYPT.match(kept)) is not None:
        n, r, p = (int(scrypt[index]) for index in (1, 2, 3))
        found = hashlib.scrypt(secret, salt=scrypt[4].encode(), n=n, r=r, p=p, maxmem=132 * n * r * p + 1024 * 1024)
        return hmac.compare_digest(found.hex(), scrypt[5])
    pbkdf2 = _PBKDF2.match(kept)
    assert pbkdf2 is not None
    found = hashlib.pbkdf2_hmac(pbkdf2[1], secret, pbkdf2[3].encode(), int(pbkdf2[2]))
    return hmac.compare_digest(found.hex(), pbkdf2[4])
