"""Wrong passwords and tokens as events, so few that no stranger can fill the log."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.errors import TracklogError

WINDOW_S: Final = 60.0
MAX_IN_A_WINDOW: Final = 10
"""Of all accounts and addresses: two megabytes a day at most. Metrics count every refusal."""

Append = Callable[[str, str], Awaitable[None]]
"""Puts a refusal into the log, by the account that was claimed and the address of the client."""


class RefusedLogins:
    """Notes the refusals of one process. `append` is None where nothing is written to the log."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.append: Append | None = None
        self._now_s = now_s
        self._noted: deque[tuple[float, str, str]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    def note(self, account: str, address: str) -> None:
        """Have a refusal be in the log, unless one of the account and address is, or many others, of the last minute.

        Nobody waits for it: how long an answer takes would tell whether there is such a user.
        """
        now_s = self._now_s()
        while self._noted and now_s - self._noted[0][0] >= WINDOW_S:
            self._noted.popleft()
        is_noted = any(one[1:] == (account, address) for one in self._noted)
        if self.append is None or is_noted or len(self._noted) >= MAX_IN_A_WINDOW:
            return
        self._noted.append((now_s, account, address))
        task = asyncio.get_running_loop().create_task(self._append(self.append, account, address))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _append(self, append: Append, account: str, address: str) -> None:
        with contextlib.suppress(TracklogError):  # what cannot be written now is not worth a retry
            await append(account, address)
