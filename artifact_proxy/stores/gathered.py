"""A stream of bytes in chunks that are worth a message to a server."""

from collections.abc import AsyncIterator
from typing import Final

from schemas.rest.route import KIB

CHUNK_BYTES: Final = 256 * KIB


class Gathered(AsyncIterator[bytes]):
    """The bytes of `content` in chunks of CHUNK_BYTES or a little more, the last one of whatever is left."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self.taken = 0
        """How many bytes were given so far."""

    async def __anext__(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while size < CHUNK_BYTES and (chunk := await anext(self._content, None)) is not None:
            chunks.append(chunk)
            size += len(chunk)
        if not chunks:
            raise StopAsyncIteration
        self.taken += size
        return b"".join(chunks)
