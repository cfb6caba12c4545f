"""Secrets that tests plant, and where they are found in what a server leaves behind."""

import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote


class Planted:
    """Secrets and what they are for, each unlike any other text."""

    def __init__(self) -> None:
        self._secrets: list[tuple[str, str]] = []

    def new(self, purpose: str) -> str:
        """A new secret, which may be a password."""
        return self.add(purpose, f"planted-{secrets.token_hex(12)}")

    def add(self, purpose: str, secret: str) -> str:
        """One that another has made."""
        self._secrets.append((purpose, secret))
        return secret

    def __iter__(self) -> Iterator[str]:
        """Every secret."""
        return iter([secret for _, secret in self._secrets])

    def found_in(self, text: str | bytes) -> list[str]:
        """The purposes of those that are in `text`, however they are spelled there."""
        held = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        return [purpose for purpose, secret in self._secrets if any(each in held for each in spellings(secret))]


def spellings(secret: str) -> Iterable[bytes]:
    """As it is, as a part of a URL, in hexadecimal, and in base64 behind any other bytes."""
    plain = secret.encode()
    yield plain
    yield quote(secret, safe="").encode()
    yield plain.hex().encode()
    for before in range(3):
        encoded = b64encode(b"\0" * before + plain)
        # The first and the last characters hold bits of what stands before and behind it.
        yield encoded[-(-before * 8 // 6) : len(encoded) - 4]
