"""The content of an upload on its way into an HTTP request to a store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Final

PATIENCE_S: Final = 30.0
"""How long a store may take nothing of an upload, or be silent after the last byte."""


class WatchedUpload:
    """`source`, and what broke it. Iterate it, inside `sent`; it passes once."""

    def __init__(self, source: AsyncIterator[bytes], patience_s: float = PATIENCE_S) -> None:
        self._source = source
        self._patience_s = patience_s
        self._limit: asyncio.Timeout | None = None
        self._failure: Exception | None = None
        self.has_begun = False
        """Whether anything of the source may be gone."""

    @asynccontextmanager
    async def sent(self, store_errors: AbstractContextManager[None]) -> AsyncIterator[None]:
        """Bound the store's silence while the context lasts. Waiting for the source does not count: it has a time limit
        of its own.

        Raises what `store_errors` makes of the store's errors, TimeoutError among them, and what the source raised as
        it is.
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
        # One that has struck cannot be moved any more, and whoever sends is told so.
        with suppress(RuntimeError):
            if self._limit is not None:
                self._limit.reschedule(when)
