"""What bytes pass through on their way to a store, or from it. Each of these passes once."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Final

from artifact_proxy.stores.blob_store import StoreUnavailable
from schemas.errors import InvalidParameterValue
from schemas.rest.route import KIB

CHUNK_BYTES: Final = 256 * KIB
"""A chunk that is worth a message to a server."""

PATIENCE_S: Final = 30.0
"""How long a store may take no byte of an upload, or not answer after the last byte."""


class Sha256Stream(AsyncIterator[bytes]):
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


class Rechunked(AsyncIterator[bytes]):
    """The bytes of `content` in chunks of CHUNK_BYTES or a little more; the last one may be smaller."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self.taken = 0
        """How many bytes were taken so far."""

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


class SizedChunks:
    """The bytes of `content`, taken in pieces of given sizes, with no more than a chunk of it in memory."""

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

    async def read(self, size: int) -> bytes:
        """The next `size` bytes at once, or all that are left when there are fewer."""
        return b"".join([chunk async for chunk in self.take(size)])

    async def _next(self) -> bytes | None:
        return self._held.pop(0) if self._held else await anext(self._content, None)


async def whole(content: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The bytes of a store's answer.

    Raises StoreUnavailable when they are not `size`.
    """
    async for chunk in content:
        size -= len(chunk)
        yield chunk
    if size:
        raise StoreUnavailable("The artifact store ended its answer too early.")


class TimedUpload:
    """The bytes of `source` as the body of an HTTP request, with a time limit for the store and none for the source.

    Iterate it inside `sending`.
    """

    def __init__(self, source: AsyncIterator[bytes], patience_s: float = PATIENCE_S) -> None:
        self._source = source
        self._patience_s = patience_s
        self._limit: asyncio.Timeout | None = None
        self._failure: Exception | None = None
        self.has_begun = False
        """Whether bytes may have been taken from the source: then the request cannot be sent again."""

    @asynccontextmanager
    async def sending(self, store_errors: AbstractContextManager[None]) -> AsyncIterator[None]:
        """Limit how long the store may be silent while the context lasts. Waiting for the source does not count: it has
        a time limit of its own.

        Raises what `store_errors` makes of the store's errors, TimeoutError among them; what the source raised is
        raised as it is.
        """
        try:
            with store_errors:
                async with asyncio.timeout(self._patience_s) as self._limit:
                    yield
        except Exception:
            if self._failure is not None:
                raise self._failure from None
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        self.has_begun = True
        while True:
            self._limit_at(None)
            try:
                chunk = await anext(self._source, None)
            except Exception as error:
                self._failure = error
                raise
            self._limit_at(loop.time() + self._patience_s)
            if chunk is None:
                return
            yield chunk

    def _limit_at(self, when: float | None) -> None:
        # A timeout that has expired cannot be moved any more; the sender gets its TimeoutError.
        with suppress(RuntimeError):
            if self._limit is not None:
                self._limit.reschedule(when)
