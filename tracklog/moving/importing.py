"""An import: a store is read in a thread, and what it comes to is appended to the log, a window of events at a time.

Of one ordering unit a window holds one append, and the next window begins when all appends of this one are durable. So
what is in the log of a unit is at every moment a beginning of what the import makes of it, wherever it is killed.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from artifact_proxy.artifact_roots import ArtifactRoots
from event_log.port import EventLog
from tracklog.moving.facts import Facts, Made, Takes, everything
from tracklog.moving.records import PointsRecord, Records
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.stores import Store
from tracklog.moving.target import Target
from tracklog.moving.trace_files import TraceFiles, nothing_read
from tracklog.moving.translation import Translation

WINDOW_EVENTS: Final = 2000
WINDOW_BYTES: Final = 8 * 1024 * 1024
"""Of one window, of which two are held: one is gathered while the other is on its way."""

Send = Callable[[Sequence[Sequence[Made]]], Awaitable[None]]
"""Makes events durable, those of one ordering unit each in their order."""

Show = Callable[[int, int], None]
"""Called with how many rows are read, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is imported, and how. `log` None: nothing is appended.

    `accounts` is where the users of the source are, and `keep_secret` where hashes of their passwords go; `now_ms` is
    the time of what has none. `send` sends to a target that is reached otherwise than by `log`, and that `takes` some
    events only. `places` are those where spans that lie in files may be read.
    """

    store: Store
    target: Target
    roots: Roots
    report: Report
    show: Show
    log: EventLog | None = None
    accounts: Store | None = None
    keep_secret: Callable[[str, bytes], Awaitable[None]] | None = None
    now_ms: int = 0
    send: Send | None = None
    takes: Takes = everything
    places: ArtifactRoots | None = None
    broken_off: threading.Event = field(default_factory=threading.Event)

    async def run(self) -> None:
        """Import everything. Raises NoStore, and what EventLog.append raises; what is in the log by then is kept."""
        reading = asyncio.ensure_future(asyncio.to_thread(self._read, asyncio.get_running_loop()))
        try:
            await asyncio.shield(reading)
        except asyncio.CancelledError:
            self.broken_off.set()
            await asyncio.wait([reading])  # the log must not be closed while the thread waits for it
            reading.exception()
            raise

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: translate, while the window before is on its way to the log."""
        send = partial(_append_all, self.log) if self.log is not None else self.send
        window = _Window(send, loop)
        keep_secret = partial(self._keep, loop)
        facts = Facts(self.target, self.roots, self.report, self.takes)
        read_spans = nothing_read if self.places is None else TraceFiles(self.places, loop).read
        translation = Translation(facts, keep_secret, self.now_ms, read_spans)
        try:
            for store in (self.store, self.accounts):
                if store is not None:
                    store.read(lambda records: self._consume(records, window, translation))
            for made in translation.end():
                window.add(made)
            window.flush()
        finally:
            window.wait()
        self._show()

    def _consume(self, records: Records, window: "_Window", translation: Translation) -> None:
        for number, record in enumerate(records):
            if self.broken_off.is_set():
                raise _BrokenOff
            for made in translation.events(record):
                window.add(made)
            if number % _SHOWN_EVERY == 0 or isinstance(record, PointsRecord):
                self._show()
        window.flush()

    def _keep(self, loop: asyncio.AbstractEventLoop, secret_id: str, secret: bytes) -> bool:
        """Of a dry run nothing is kept."""
        if self.keep_secret is None:
            return False
        if self.log is not None:
            asyncio.run_coroutine_threadsafe(_awaited(self.keep_secret(secret_id, secret)), loop).result()
        return True

    def _show(self) -> None:
        tallies = self.report.tallies.values()
        self.show(sum(one.imported + one.left for one in tallies), sum(one.source for one in tallies))


class _BrokenOff(Exception):
    """Nobody waits for the import any more."""


async def _awaited(work: Awaitable[None]) -> None:
    await work


_SHOWN_EVERY: Final = 100


class _Window:
    """Gathers events, and appends them by the event loop of the log."""

    def __init__(self, send: Send | None, loop: asyncio.AbstractEventLoop) -> None:
        self._send = send
        self._loop = loop
        self._units: dict[str, list[Made]] = {}
        self._events = self._bytes = 0
        self._on_its_way: Future[Any] | None = None

    def add(self, made: Made) -> None:
        """One more event, after those that fill a window were sent."""
        if self._send is None:
            return
        if self._events and (self._events >= WINDOW_EVENTS or self._bytes + made.size > WINDOW_BYTES):
            self.flush()
        self._units.setdefault(made.event.ordering_unit, []).append(made)
        self._events += 1
        self._bytes += made.size

    def flush(self) -> None:
        """Send what was gathered, when what was sent before is durable."""
        self.wait()
        if self._units and self._send is not None:
            sending = _awaited(self._send(list(self._units.values())))
            self._on_its_way = asyncio.run_coroutine_threadsafe(sending, self._loop)
        self._units = {}
        self._events = self._bytes = 0

    def wait(self) -> None:
        """Return when what was sent is durable. Raises what EventLog.append raises."""
        sent, self._on_its_way = self._on_its_way, None
        if sent is not None:
            sent.result()


async def _append_all(log: EventLog, appends: Sequence[Sequence[Made]]) -> None:
    """Append what is of one unit together, several units at once. Raises the first error when all have ended."""
    done = await asyncio.gather(*(log.append([made.event for made in one]) for one in appends), return_exceptions=True)
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise outcome
