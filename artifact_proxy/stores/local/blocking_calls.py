"""Calls of the operating system that may wait for a disk: in threads, with a limit on the wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from artifact_proxy.stores.local.errors import store_errors

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 16
"""Most wait for the disk to sync; syncs of several files at once share one commit of the file system's journal."""

PATIENCE_S: Final = 60.0
"""How long the file system may take for one step, such as the write of a chunk. A mount whose server is gone does
not answer; the thread is then lost until it comes back, and the caller gets an error."""


class BlockingCalls:
    """Runs calls in threads of its own, until it is closed."""

    def __init__(self, threads: int = THREADS, patience_s: float = PATIENCE_S) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="artifacts")
        self.patience_s = patience_s

    async def run(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """The result of `work`.

        Raises what `work` raises; an OSError as STORE_ERRORS says; StoreUnavailable when it takes too long.
        """
        with store_errors():
            async with asyncio.timeout(self.patience_s):
                return await asyncio.get_running_loop().run_in_executor(self.threads, work, *args)

    async def run_long(self, patience: int | None, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """As `run`, for work that may rightly take `patience` times as long; None is without limit."""
        with store_errors():
            async with asyncio.timeout(None if patience is None else patience * self.patience_s):
                return await asyncio.get_running_loop().run_in_executor(self.threads, work, *args)

    async def close(self) -> None:
        """Return when no call is under way any more."""
        await asyncio.to_thread(self.threads.shutdown)
