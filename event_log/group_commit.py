"""Group commit: what arrives while one commit is under way waits, and goes into the next commit together.

A log keeps only its commit, and asks for the batches here. An append is never split over two batches, and appends are
committed in the order in which they came.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from event_log.port import EventTooLarge, LogOverloaded

E = TypeVar("E")

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Appends beyond this are refused until the log has caught up, so that overload costs a 429, not memory."""
MAX_COMMIT_EVENTS: Final = 4096
MAX_COMMIT_BYTES: Final = 16 * 1024 * 1024
"""The bounds of one commit to a log in SQL. All other appends wait while it is under way."""


@dataclass(slots=True, eq=False)
class WaitingAppend(Generic[E]):
    """An append without an answer yet.

    `events` as the log stores them, `size` their bytes, `arrived_s` by the log's clock. `done` is answered with the
    offset of the first event.
    """

    events: Sequence[E]
    size: int
    arrived_s: float
    done: "asyncio.Future[int]"


class WaitingBytes:
    """The bytes of all appends of one log that have no answer yet, and their bounds. `place` names the log in errors.

    An append that is larger than `max_waiting_bytes` is accepted when nothing else waits.
    """

    def __init__(self, place: str, *, max_append_bytes: int, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self.total = 0
        self._place = place
        self.max_append_bytes = max_append_bytes
        self.max_waiting_bytes = max_waiting_bytes

    def check_size(self, size: int) -> None:
        """Raise EventTooLarge when an append of `size` bytes is never accepted."""
        if size > self.max_append_bytes:
            raise EventTooLarge(
                f"The request makes {size} bytes of events; at most {self.max_append_bytes} fit in one append."
            )

    def reserve(self, size: int) -> None:
        """Count `size` bytes as waiting. Raises EventTooLarge, LogOverloaded."""
        if size > self.max_append_bytes:  # asked here, too, to spare a call for each append
            self.check_size(size)
        if self.total + size > self.max_waiting_bytes and self.total and size:
            raise LogOverloaded(f"{self.total} bytes already wait for {self._place}; try again.")
        self.total += size

    def release(self, size: int) -> None:
        """Count `size` bytes as answered."""
        self.total -= size


class GroupCommit(Generic[E]):
    """The appends to one partition that wait to be committed. The partitions of one log share `waiting_bytes`.

    Made and used in a running event loop; only `take` may be called by another thread, by one at a time.
    """

    def __init__(
        self, waiting_bytes: WaitingBytes, *, max_events: int = MAX_COMMIT_EVENTS, max_bytes: int = MAX_COMMIT_BYTES
    ) -> None:
        self.waiting_bytes = waiting_bytes
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._waiting: deque[WaitingAppend[E]] = deque()
        self._taken_singly = 0
        self._create_future = asyncio.get_running_loop().create_future

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __iter__(self) -> Iterator[WaitingAppend[E]]:
        return iter(self._waiting)

    def append(self, events: Sequence[E], size: int, arrived_s: float = 0.0) -> "asyncio.Future[int]":
        """Let an append wait; the offset of its first event once it is committed. No events: a trial of a commit.

        Raises EventTooLarge, LogOverloaded.
        """
        self.waiting_bytes.reserve(size)
        done: asyncio.Future[int] = self._create_future()
        self._waiting.append(WaitingAppend(events, size, arrived_s, done))
        return done

    def take(self) -> list[WaitingAppend[E]]:
        """The next appends that fit in one commit: at least one while any waits, however large it is."""
        batch: list[WaitingAppend[E]] = []
        waiting = self._waiting
        events = size = 0
        while waiting:
            events += len(waiting[0].events)
            size += waiting[0].size
            if batch and (events > self._max_events or size > self._max_bytes or self._taken_singly):
                break
            batch.append(waiting.popleft())
        if self._taken_singly:
            self._taken_singly -= 1
        return batch

    def take_arrived_before(self, time_s: float) -> list[WaitingAppend[E]]:
        """The appends that arrived before a time, to refuse them."""
        batch: list[WaitingAppend[E]] = []
        while self._waiting and self._waiting[0].arrived_s < time_s:
            batch.append(self._waiting.popleft())
        return batch

    def put_back(self, batch: Sequence[WaitingAppend[E]], *, singly: bool = False) -> None:
        """Let a batch of which nothing was committed wait again, before all others.

        `singly` when one append in it is at fault: then each is taken alone, and only that one will fail.
        """
        self._waiting.extendleft(reversed(batch))
        if singly:
            self._taken_singly = len(batch)

    def drop_cancelled(self, batch: Sequence[WaitingAppend[E]]) -> list[WaitingAppend[E]]:
        """The appends of a batch that are still awaited; the others are not committed."""
        awaited: list[WaitingAppend[E]] = []
        for append in batch:
            if append.done.cancelled():
                self.waiting_bytes.release(append.size)
            else:
                awaited.append(append)
        return awaited

    def confirm(self, batch: Sequence[WaitingAppend[E]], first: int) -> int:
        """Answer a batch whose events are in the log side by side from offset `first` on; the offset after the last."""
        size = 0
        offset = first
        for append in batch:
            size += append.size
            if not append.done.done():
                append.done.set_result(offset)
            offset += len(append.events)
        self.waiting_bytes.release(size)
        return offset

    def refuse(self, batch: Sequence[WaitingAppend[E]], error: Exception) -> None:
        """Answer a batch with why its events are not, or may not be, in the log."""
        for append in batch:
            self.waiting_bytes.release(append.size)
            if not append.done.done():
                append.done.set_exception(error)
