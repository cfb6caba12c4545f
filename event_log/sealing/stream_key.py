"""The key of one stream, and the payloads that are sealed under it.

A sealed payload is one byte that no JSON begins with, the SHA-256 that names the key, a nonce, and the payload under
AES-256-GCM with its tag. The id of the event and the name of its stream are authenticated with it, so that it opens in
no other place.

The name of the key is in it because AES-GCM alone does not commit to a key: bytes can be made that two keys open, each
to another payload. The tree over the log covers the name, so what was signed has one meaning.

Nonces are 96 random bits. A counter would have to be agreed on by all processes that append, and the id of an event may
come twice, with an import that is repeated. Of two payloads under one key that have the same nonce the difference could
be read, and the key forged: with a million events in a stream the odds of that are one in 10**17.
"""

import os
from hashlib import sha256
from typing import Final

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from event_log.stored_payload import decompressed, stored
from schemas.sealed import SEALED

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16

_NAME_END: Final = len(SEALED) + 32
_NONCE_END: Final = _NAME_END + NONCE_BYTES
_NAME_OF: Final = b"tracklog stream key 1\n"
_CONTEXT: Final = b"tracklog sealed payload 1\n"


class CannotOpen(Exception):
    """A sealed payload does not open: it is sealed under another key, or is not what was sealed."""


class StreamKey:
    """`secret`, of KEY_BYTES, as the key under which payloads of a stream are sealed."""

    __slots__ = ("_cipher", "_head", "secret")

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self._cipher = AESGCM(secret)
        self._head = SEALED + sha256(_NAME_OF + secret).digest()

    @classmethod
    def new(cls) -> "StreamKey":
        """One that nobody else has."""
        return cls(os.urandom(KEY_BYTES))

    def seal(self, event_id: bytes, stream: str, payload: bytes) -> bytes:
        """The payload of an event, compressed where that saves something, as it is stored."""
        nonce = os.urandom(NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, stored(payload), _context(event_id, stream))

    def open(self, event_id: bytes, stream: str, sealed: bytes) -> bytes:
        """The payload that was sealed for that event. Raises CannotOpen."""
        if not sealed.startswith(self._head):
            raise CannotOpen("it is sealed under another key than that of its stream")
        try:
            plain = self._cipher.decrypt(sealed[_NAME_END:_NONCE_END], sealed[_NONCE_END:], _context(event_id, stream))
            return decompressed(plain)
        except (InvalidTag, ValueError, MemoryError, zstandard.ZstdError) as error:
            raise CannotOpen("it is not what was sealed") from error


def _context(event_id: bytes, stream: str) -> bytes:
    return _CONTEXT + event_id + stream.encode("utf-8", "surrogatepass")
