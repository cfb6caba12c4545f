"""The worker of the history index: indexes what the projector has folded, beside it and apart from it.

It follows the projector and never goes before it, so it needs no share of the partitions of its own. What the projector
has just folded it is handed decoded, and reads of the log only what came before: after a start, or for an index that
was thrown away. It holds nothing up: what goes wrong with the index is tried again, and the projector does not hear of
it.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from event_log.port import EventLogReader
from projector.last_folded import divergence
from projector.worker import Decoded
from read_model.history.port import (
    HistoryIndexWriter,
    IndexCommit,
    IndexDamaged,
    IndexFenced,
    IndexUnavailable,
)
from read_model.history.segment import BLOCK_EVENTS, ClosedBlock, OpenSegment, Segment, closed
from read_model.history.terms import is_owned, owned_stream, owner_made, stream_term, terms_of_content, terms_of_place
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import Position, Positions, RecordedEvent
from schemas.errors import Retryable
from schemas.events import AnyEvent

logger = logging.getLogger(__name__)

LINGER_S: Final = 0.5
"""So long events gather before they are indexed, unless a reader waits: a commit costs as much as a hundred events."""

COMMIT_EVENTS: Final = 4096
"""A commit is made at the latest after so many."""

AT_ONCE_EVENTS: Final = 256
"""About two milliseconds, after which the projector has its turn."""

MAX_WAITING_EVENTS: Final = 8192
"""What was handed over and was not indexed yet. Where it is more, it is read from the log instead."""

_READ_EVENTS: Final = 1000
_LOOK_S: Final = 2.0
_AGAIN_S: Final = 2.0
_REMEMBERED_OWNERS: Final = 20_000


@dataclass(slots=True)
class _Partition:
    """How far a partition is in the index, and what of it is not committed yet."""

    checkpoint: int
    segment: OpenSegment
    last_event_id: bytes
    full: list[Segment] = field(default_factory=list)  # of the open block, before `segment`
    committed: int = 0  # of `full`
    owners: dict[int, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.segment.end


class HistoryWorker:
    """Keeps the index of the partitions that `followed` names up to where it says they are folded.

    `open_log` opens a reader for what is not handed over, which is closed by the worker.
    """

    def __init__(
        self,
        index: HistoryIndexWriter,
        open_log: Callable[[], Awaitable[EventLogReader]],
        followed: Callable[[], Positions],
        linger_s: float = LINGER_S,
    ) -> None:
        self._index = index
        self._open_log = open_log
        self._followed = followed
        self._linger_s = linger_s
        self._log: EventLogReader | None = None
        self._partitions: dict[int, _Partition] = {}
        self._waiting: dict[int, deque[Decoded]] = {}
        self._waiting_events = 0
        self._owners: dict[int, int] = {}
        self._places: dict[tuple[str, str, str], tuple[int, ...]] = {}
        self._observed = asyncio.Event()
        self._flushed = asyncio.Event()
        self.trouble: str | None = None

    def observe(self, events: Sequence[Decoded]) -> None:
        """Hand over what was folded, in the order of each partition."""
        self._waiting_events += len(events)
        if self._waiting_events > MAX_WAITING_EVENTS:
            self._forget_waiting()
        else:
            for one in events:
                self._waiting.setdefault(one[0].partition, deque()).append(one)
        self._observed.set()

    def flush(self) -> None:
        """A reader waits for the index: do not linger."""
        self._flushed.set()
        self._observed.set()

    async def run(self) -> None:
        """Index until cancelled. What goes wrong with the index or the log is tried again."""
        try:
            while True:
                try:
                    await self._index_what_comes()
                except IndexFenced as fenced:
                    logger.info("%s; reading it anew", fenced)
                except IndexDamaged as damage:
                    self._in_trouble(f"It is made anew: {damage}.")
                    with contextlib.suppress(IndexUnavailable):
                        await self._index.discard()
                except (IndexUnavailable, Retryable) as error:
                    self._in_trouble(str(error))
                except Exception as error:  # a fault of the index must not end the projector, which others wait for
                    logger.exception("the history index")
                    self._in_trouble(repr(error))
                self._forget_waiting()
                self._partitions.clear()
                await self._close_log()
                await asyncio.sleep(_AGAIN_S if self.trouble else 0)
        finally:
            await self._close_log()
            await self._index.close()

    async def _index_what_comes(self) -> None:
        self._log = await self._open_log()
        await self._index.open(await self._log.identity())
        while True:
            self._observed.clear()
            await self._catch_up()
            self.trouble = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._observed.wait()
            if not self._observed.is_set():
                await self._index.check()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._linger_s):
                    await self._flushed.wait()
            self._flushed.clear()

    async def _catch_up(self) -> None:
        """Index every partition as far as it is folded, and commit that."""
        for number, end in dict(self._followed()).items():
            partition = self._partitions.get(number)
            if partition is None:
                partition = self._partitions[number] = await self._taken_over(number)
            while partition.end < end:
                for events in _slices(await self._next(number, partition, end)):
                    await self._add(partition, events)
                    await asyncio.sleep(0)
                if partition.end - partition.checkpoint >= COMMIT_EVENTS:
                    await self._commit(number, partition)
            if partition.end > partition.checkpoint:
                await self._commit(number, partition)

    async def _taken_over(self, number: int) -> _Partition:
        """A partition as the index has it. Raises IndexDamaged when the log has other events there."""
        found = await self._index.partition(number)
        if found.checkpoint:
            assert self._log is not None
            end = (await self._log.end()).get(number, 0)
            if found.checkpoint > end:
                raise IndexDamaged(f"it goes to {number}:{found.checkpoint}, and the log ends at {number}:{end}")
            fault = await divergence(self._log, {Position(number, found.checkpoint - 1): found.last_event_id})
            if fault is not None:
                raise IndexDamaged(fault)
        full = list(found.segments)
        segment = OpenSegment(found.checkpoint)
        if full and not (newest := OpenSegment.of(full[-1])).is_full:
            segment = newest
            full.pop()
        if segment.end != found.checkpoint:
            raise IndexDamaged(f"its segments end at {segment.end}, and its checkpoint is {found.checkpoint}")
        return _Partition(found.checkpoint, segment, found.last_event_id, full, len(full))

    async def _next(self, number: int, partition: _Partition, end: int) -> list[Decoded]:
        """What comes next in a partition, and was folded: what was handed over, or else from the log."""
        waiting = self._waiting.get(number)
        while waiting and waiting[0][0].offset < partition.end:
            waiting.popleft()
            self._waiting_events -= 1
        if waiting and waiting[0][0].offset == partition.end:
            found: list[Decoded] = []
            while waiting and waiting[0][0].offset == partition.end + len(found) and len(found) < COMMIT_EVENTS:
                found.append(waiting.popleft())
            self._waiting_events -= len(found)
            return found
        limit = min(_READ_EVENTS, end - partition.end)
        assert self._log is not None
        events = await self._log.read(number, partition.end, limit=limit)
        if not events:
            raise IndexDamaged(f"the log has no event at {number}:{partition.end}, which was folded")
        return [(event, _decoded(event)) for event in events]

    async def _add(self, partition: _Partition, events: Sequence[Decoded]) -> None:
        await self._learn_owners(partition, events)
        for event, decoded in events:
            known = None if isinstance(decoded, UndecodableEvent) else decoded
            # An offset that no event has, as a topic may have, takes a place without terms.
            while partition.end < event.offset:
                self._place(partition, event, ())
            self._place(partition, event, (*self._terms_of_place(event, known), *terms_of_content(known)))
            partition.last_event_id = event.id

    def _terms_of_place(self, event: RecordedEvent, decoded: AnyEvent | None) -> tuple[int, ...]:
        """As the function of the name, remembered: the events of a run have the same again and again."""
        key = (event.stream, event.type, event.actor.user)
        terms = self._places.get(key)
        if terms is None:
            owned = owned_stream(event, decoded)
            experiment_id = None if owned is None else self._owners.get(stream_term(owned))
            terms = terms_of_place(event, decoded, experiment_id)
            if is_owned(event.stream) and experiment_id is not None:
                if len(self._places) >= _REMEMBERED_OWNERS:
                    self._places.clear()
                self._places[key] = terms
        return terms

    def _place(self, partition: _Partition, event: RecordedEvent, terms: Iterable[int]) -> None:
        partition.segment.add(event, terms)
        if partition.segment.is_full:
            partition.full.append(partition.segment.frozen())
            partition.segment = OpenSegment(partition.segment.end)

    async def _learn_owners(self, partition: _Partition, events: Sequence[Decoded]) -> None:
        """Find the experiments of the runs and logged models that events are about."""
        if len(self._owners) > _REMEMBERED_OWNERS:
            self._owners = dict(partition.owners)
        unknown: set[int] = set()
        for event, decoded in events:
            if (event.stream, event.type, event.actor.user) in self._places or isinstance(decoded, UndecodableEvent):
                continue
            owned = owned_stream(event, decoded)
            if owned is None:
                continue
            term = stream_term(owned)
            made = owner_made(decoded)
            if made is not None:
                self._owners[term] = partition.owners[term] = made
            elif term not in self._owners:
                unknown.add(term)
        if unknown := unknown - self._owners.keys():
            self._owners.update(await self._index.owners(unknown))

    async def _commit(self, number: int, partition: _Partition) -> None:
        blocks: list[ClosedBlock] = []
        full = partition.full
        new = full[partition.committed :]
        while full and (block := _whole_block(full)):
            blocks.append(await asyncio.to_thread(closed, block))
            del full[: len(block)]
            new = [one for one in new if one.first_offset >= block[-1].end]
        segments = [*new, partition.segment.frozen()] if partition.segment.times else new
        end = partition.end
        commit = IndexCommit(
            number, partition.checkpoint, end, partition.last_event_id, segments, blocks, dict(partition.owners)
        )
        await self._index.commit(commit)
        partition.checkpoint = end
        partition.committed = len(full)
        partition.owners.clear()

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_events = 0

    async def _close_log(self) -> None:
        if self._log is not None:
            log, self._log = self._log, None
            await log.close()

    def _in_trouble(self, why: str) -> None:
        if self.trouble is None:
            logger.error("the history index: %s", why)
        self.trouble = why


def _decoded(event: RecordedEvent) -> AnyEvent | UndecodableEvent:
    try:
        return codec.decode(event)
    except UndecodableEvent as error:
        return error


def _slices(events: Sequence[Decoded]) -> Iterable[Sequence[Decoded]]:
    return (events[first : first + AT_ONCE_EVENTS] for first in range(0, len(events), AT_ONCE_EVENTS))


def _whole_block(segments: Sequence[Segment]) -> Sequence[Segment]:
    """The segments of the first block, if it is full."""
    for number, segment in enumerate(segments, start=1):
        if segment.end % BLOCK_EVENTS == 0:
            return segments[:number]
    return ()
