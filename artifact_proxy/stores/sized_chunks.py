"""A stream of bytes that is taken in pieces of given sizes, with no more than a chunk of it in memory."""

from collections.abc import AsyncIterator

from schemas.errors import InvalidParameterValue


class SizedChunks:
    """The bytes of `content`, from the beginning on, each once."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self._held: list[bytes] = []

    async def peek(self, size: int) -> bytes:
        """At least the next `size` bytes, or all that are left when there are fewer. They are still to be taken."""
        held = sum(map(len, self._held))
        while held < size and (chunk := await anext(self._content, None)) is not None:
            self._held.append(chunk)
            held += len(chunk)
        return b"".join(self._held)

    async def take(self, size: int) -> AsyncIterator[bytes]:
        """The next `size` bytes, or all that are left when there are fewer."""
        while size and (chunk := await self._next()) is not None:
            if len(chunk) > size:
                self._held.insert(0, chunk[size:])
                chunk = chunk[:size]
            size -= len(chunk)
            yield chunk

    async def take_exactly(self, size: int) -> AsyncIterator[bytes]:
        """The next `size` bytes.

        Raises InvalidParameterValue when there are fewer.
        """
        left = size
        async for chunk in self.take(size):
            left -= len(chunk)
            yield chunk
        if left:
            raise InvalidParameterValue(f"The upload ended {left} bytes before the size that was announced.")

    async def _next(self) -> bytes | None:
        return self._held.pop(0) if self._held else await anext(self._content, None)
