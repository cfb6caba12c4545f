"""How a projector hears that somebody waits for it: then it folds what there is, instead of gathering more first."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import asyncpg

from schemas.envelope import Positions
from schemas.postgresql import HURRY_CHANNEL
from schemas.postgresql_errors import UNANSWERED_ERRORS

LINGER_S: Final = 0.1
"""How long news may wait for more while nobody reads: a transaction costs as much as folding a hundred points."""

HURRIED_S: Final = 0.05
"""How long a projector does not linger at all after somebody asked. Who waits for one write soon waits for the next:
asking for each would cost it the way of a notification, some milliseconds."""

_CONNECT_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 0.5
_DOUBT_S: Final = 30.0
"""How often a connection that nothing was heard on is tried."""


class Hurry:
    """Listens for those who wait, as well as it can: without a connection nobody is heard, and they wait a little."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._asked = asyncio.Event()
        self._asked_at_s = -HURRIED_S

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[Self]:
        """Listen for as long as the context lasts."""
        listening = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def linger(self, _checkpoint: Positions) -> None:
        """Let more events gather, unless somebody asked a moment ago, or asks now."""
        if asyncio.get_running_loop().time() - self._asked_at_s < HURRIED_S:
            return
        self._asked.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._asked.wait()

    def ask(self) -> None:
        """Somebody waits."""
        self._asked_at_s = asyncio.get_running_loop().time()
        self._asked.set()

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(*UNANSWERED_ERRORS):
                await self._listen_on_one_connection()
            await asyncio.sleep(_RETRY_S)

    async def _listen_on_one_connection(self) -> None:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_CONNECT_TIMEOUT_S,
            server_settings={"application_name": "tracklog projector"},
        )
        try:
            await connection.add_listener(HURRY_CHANNEL, lambda *_: self.ask())
            while not connection.is_closed():
                await asyncio.sleep(_DOUBT_S)
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()
