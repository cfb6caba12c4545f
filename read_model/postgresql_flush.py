"""How a projector hears, through PostgreSQL, that a reader waits for the read model."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from schemas.postgresql import FLUSH_CHANNEL
from schemas.postgresql_errors import UNANSWERED_ERRORS

_CONNECT_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 0.5
_PROBE_S: Final = 30.0
"""How often a connection on which nothing was heard is tested."""


@asynccontextmanager
async def flush_requests(dsn: str, flush: Callable[[], None]) -> AsyncIterator[None]:
    """Call `flush` for each request, as long as the context lasts.

    Without a connection requests are not heard: readers then wait for as long as the projector lingers.
    """
    listening = asyncio.create_task(_listen(dsn, flush))
    try:
        yield
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def _listen(dsn: str, flush: Callable[[], None]) -> None:
    while True:
        with contextlib.suppress(*UNANSWERED_ERRORS):
            await _listen_on_one_connection(dsn, flush)
        await asyncio.sleep(_RETRY_S)


async def _listen_on_one_connection(dsn: str, flush: Callable[[], None]) -> None:
    connection = await asyncpg.connect(
        dsn,
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=_CONNECT_TIMEOUT_S,
        server_settings={"application_name": "tracklog projector"},
    )
    try:
        await connection.add_listener(FLUSH_CHANNEL, lambda *_: flush())
        while not connection.is_closed():
            await asyncio.sleep(_PROBE_S)
            await connection.execute("SELECT 1")
    finally:
        connection.terminate()
