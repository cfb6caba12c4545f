"""Signed notes and their keys, as https://c2sp.org/signed-note has them: Ed25519, and lines of text.

A private key is the text `PRIVATE+KEY+<name>+<id>+<Base64>`, a public one `<name>+<id>+<Base64>`: what
`golang.org/x/mod/sumdb/note` makes and reads. No error shows a private key.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_PRIVATE: Final = "PRIVATE+KEY+"
_SIGNED_BY: Final = "— "
_NAME: Final = re.compile(r"[^\s+]+")


class BadKey(ValueError):
    """A text is no key of this kind."""


class BadNote(ValueError):
    """A text is no signed note, or not one signed by a key that is trusted."""


class NotSigned(BadNote):
    """A note has no signature of a key that is trusted."""


class Forged(BadNote):
    """A note says that a trusted key signed it, and that key did not."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies notes."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadKey."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise BadKey("a public key looks like name+id+Base64")
        found = cls(parts[0], _decoded(parts[2]))
        if str(found) != text.strip():
            raise BadKey("the id of the public key is not that of its name and its bytes")
        return found

    @property
    def id(self) -> bytes:
        """Four bytes that tell it from other keys in a note."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.key).decode()}"

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether `signature` is this key's, of `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs notes."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """A new key. `name` is told to everybody. Raises BadKey for a name with a space or a plus sign."""
        if _NAME.fullmatch(name) is None:
            raise BadKey("the name of a key has no spaces and no plus sign")
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadKey, which shows nothing of `text`."""
        parts = text.strip().removeprefix(_PRIVATE).split("+", 2)
        if not text.strip().startswith(_PRIVATE) or len(parts) != 3:
            raise BadKey("a private key looks like PRIVATE+KEY+name+id+Base64")
        found = cls(parts[0], _decoded(parts[2]))
        if found.public.id.hex() != parts[1]:
            raise BadKey("the id of the private key is not that of its name and its bytes")
        return found

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def text(self) -> str:
        """The key as a file holds it: a secret."""
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{base64.b64encode(_ED25519 + self.seed).decode()}"

    def sign(self, text: str) -> str:
        """A note: `text`, lines that each end with a line feed, with a signature."""
        assert text.endswith("\n")
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"{text}\n{_SIGNED_BY}{self.name} {base64.b64encode(self.public.id + signature).decode()}\n"


def text_of(note: str) -> str:
    """What a note says, whoever signed it. Raises BadNote."""
    return _parts(note)[0]


def verified(note: str, trusted: "PublicKey | frozenset[PublicKey]") -> str:
    """What a note says, once a trusted key is known to have signed it. Raises NotSigned, Forged, or BadNote.

    Signatures of keys that are not known are passed over; one of a known key that does not verify is not.
    """
    keys = {trusted} if isinstance(trusted, PublicKey) else trusted
    text, signatures = _parts(note)
    is_signed = False
    for name, signature in signatures:
        for key in keys:
            if key.name == name and signature[:_KEY_ID_BYTES] == key.id:
                if not key.signed(text, signature[_KEY_ID_BYTES:]):
                    raise Forged(f"the note has a signature of {name} that this key did not make")
                is_signed = True
    if not is_signed:
        signers = ", ".join(f"{name}+{signature[:_KEY_ID_BYTES].hex()}" for name, signature in signatures)
        raise NotSigned(f"the note is signed by {signers}, which is not trusted")
    return text


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a note, and its signatures with the names of their keys. Raises BadNote."""
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise BadNote("it is no signed note")
    signatures = []
    for line in lines.removesuffix("\n").split("\n"):
        name, space, encoded = line.removeprefix(_SIGNED_BY).partition(" ")
        if not line.startswith(_SIGNED_BY) or not space or _NAME.fullmatch(name) is None:
            raise BadNote("a line of its signatures is none")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise BadNote("a signature is no Base64") from error
        if len(signature) <= _KEY_ID_BYTES:
            raise BadNote("a signature is too short")
        signatures.append((name, signature))
    return text + "\n", signatures


def _decoded(text: str) -> bytes:
    """The 32 bytes of an Ed25519 key. Raises BadKey."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey("the key is no Base64") from error
    if len(decoded) != 33 or decoded[:1] != _ED25519:
        raise BadKey("it is no Ed25519 key")
    return decoded[1:]
