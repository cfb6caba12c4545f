"""The digest of bytes that pass."""

import hashlib
from collections.abc import AsyncIterator


class Digested(AsyncIterator[bytes]):
    """The chunks of `content`, and the SHA-256 of those that were taken so far."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self._digest = hashlib.sha256()

    async def __anext__(self) -> bytes:
        chunk = await anext(self._content)
        self._digest.update(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._digest.hexdigest()
