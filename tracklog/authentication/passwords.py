"""Passwords as they are kept: hashed by argon2id, in threads of their own and few at a time.

Hashes that came with the users of an MLflow server are checked too, until their passwords are known.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from schemas.errors import RequestLimitExceeded
from schemas.werkzeug_hashes import is_of, is_werkzeug_hash

T = TypeVar("T")

THREADS: Final = 2
MAX_WAITING: Final = 64
"""Each takes some 20 ms of a thread. Who sends more wrong passwords than that has to wait, and others are let in by
what is remembered of them."""


class Passwords:
    """Hashes and checks. Source of the costs: OWASP's recommendation for argon2id, 19 MiB and two passes."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0
        self._of_nobody: bytes | None = None

    async def hashed(self, password: str) -> bytes:
        """What to keep of a password. Raises RequestLimitExceeded."""
        return await self._in_thread(lambda: self._hasher.hash(password).encode())

    async def matches(self, kept: bytes | None, password: str) -> bool:
        """Whether a password is that of which `kept` was kept. Where there is none, it takes as long to say no.

        Raises RequestLimitExceeded.
        """
        compared = kept
        if compared is None:
            if self._of_nobody is None:
                self._of_nobody = await self.hashed("nobody has this password")
            compared = self._of_nobody
        return await self._in_thread(lambda: self._is(compared, password)) and kept is not None

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def is_outdated(self, kept: bytes) -> bool:
        """Whether a hash is another server's, to be replaced when its password is known."""
        return is_werkzeug_hash(kept.decode(errors="replace"))

    def _is(self, kept: bytes, password: str) -> bool:
        if self.is_outdated(kept):
            return is_of(kept.decode(), password)
        try:
            return self._hasher.verify(kept.decode(), password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise RequestLimitExceeded("Too many passwords wait to be checked; try again.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
