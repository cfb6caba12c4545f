"""The worker: folds the log in batches, commits rows with their checkpoints, and publishes its progress."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from event_log.port import EventLogReader, LogUnavailable, PartitionAssignment
from projector import batch
from projector.batch_state import BatchState
from projector.erasures import erased_streams, erasure_of, is_erasure
from projector.port import CheckpointMove, Fenced, ReadModelWriter, Refusal, SetAside, SetAsidePosition, Unwritable
from projector.projection import Orphan
from schemas import codec
from schemas.codec import ForgottenEvent, UndecodableEvent
from schemas.envelope import Positions, RecordedEvent
from schemas.errors import TracklogError
from schemas.events import AnyErased, AnyEvent

logger = logging.getLogger(__name__)

_IDLE_WAIT_S: Final = 5.0
_CHECK_S: Final = 4.0
"""How often a worker checks that it could commit, which it would otherwise find out only when events come."""
_FENCED_PAUSE_S: Final = 0.2
"""Another worker has the partition, and the assignment will soon show it."""
_FOLLOWS: Final = "an earlier event of its stream is set aside"


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker publishes after each commit: all of it is in the tables by then.

    `checkpoint` holds the partitions that moved, `set_aside` counts the events of all that are this worker's, and
    `events` those of the commit.
    """

    checkpoint: Positions
    refusals: Sequence[Refusal]
    set_aside: int
    events: int = 0


Publish = Callable[[Progress], Awaitable[None]]
Linger = Callable[[Positions], Awaitable[None]]
"""Called with the checkpoints when everything read was folded. It may return a little later, so that more
events come into the next batch; it returns at once when a reader waits for one of them."""


Decoded: TypeAlias = tuple[RecordedEvent, AnyEvent | UndecodableEvent]
Observe = Callable[[Sequence[Decoded]], None]
"""Told of what was committed, in the order of each partition; for who follows the projector without reading the log."""


def observe_nothing(events: Sequence[Decoded]) -> None:
    """Where nobody follows."""


async def publish_nothing(progress: Progress) -> None:
    """For read models whose commits notify by themselves."""


async def no_linger(checkpoint: Positions) -> None:
    """Fold at once what comes."""


@dataclass(slots=True)
class _Partition:
    """A partition that is this worker's: its checkpoint, what was read of it, and what of it is set aside."""

    checkpoint: int
    waiting: deque[RecordedEvent] = field(default_factory=deque)
    stopped: set[str] = field(default_factory=set)  # streams of which events are set aside
    set_aside: int = 0

    @property
    def next_to_read(self) -> int:
        return self.waiting[-1].offset + 1 if self.waiting else self.checkpoint


class ProjectorWorker:
    """Folds the partitions of `assignment`, whichever they are at the moment, into a read model.

    Two workers that both take a partition for their own do no harm: the checkpoint lets only one of them commit.
    """

    def __init__(
        self,
        log: EventLogReader,
        read_model: ReadModelWriter,
        assignment: PartitionAssignment,
        publish: Publish = publish_nothing,
        linger: Linger = no_linger,
        batch_bytes: int = batch.BATCH_BYTES,
        observe: Observe = observe_nothing,
    ) -> None:
        self._log = log
        self._read_model = read_model
        self._assignment = assignment
        self._publish = publish
        self._linger = linger
        self._batch_bytes = batch_bytes
        self._observe = observe
        self._partitions: dict[int, _Partition] = {}
        self._checked_s = 0.0

    @property
    def checkpoint(self) -> Positions:
        """The checkpoints of the partitions that are this worker's."""
        return {number: partition.checkpoint for number, partition in self._partitions.items()}

    @property
    def set_aside_count(self) -> int:
        return sum(partition.set_aside for partition in self._partitions.values())

    async def start(self) -> None:
        """Find the checkpoints, and fold again what was set aside: the code may have been corrected since."""
        await self._follow_assignment()

    async def run(self) -> None:
        """Fold until cancelled.

        Raises Superseded when another read model took this one's place, ReadModelUnavailable and DamagedReadModel; and
        LogUnavailable, after which it may be run again.
        """
        while True:
            try:
                await self._follow_assignment()
                await self._check_now_and_then()
                if not self._partitions:
                    await self._assignment.wait_for_change(set(), _IDLE_WAIT_S)
                elif not await self.fold_once():
                    await self._wait_for_events()
                    await self._linger(self.checkpoint)
                elif not any(partition.waiting for partition in self._partitions.values()):
                    await self._linger(self.checkpoint)
            except Fenced as fenced:
                logger.info("%s; reading the checkpoints anew", fenced)
                self._partitions.clear()
                await self._assignment.wait_for_change(self._assignment.partitions, _FENCED_PAUSE_S)
            except LogUnavailable:
                # While a partition was taken over, not all events set aside in it may have become known.
                self._partitions.clear()
                raise

    async def fold_until(self, end: Positions) -> None:
        """Fold up to `end` in every partition named, and not past it. Raises Fenced, Superseded."""
        for number, offset in end.items():
            partition = self._partitions[number]
            while partition.checkpoint < offset:
                limit = min(batch.BATCH_EVENTS, offset - partition.checkpoint)
                events = await self._log.read(number, partition.checkpoint, limit=limit)
                queue = deque(event for event in events if event.offset < offset)
                if not queue:
                    break
                while queue:
                    await self._fold_batch(batch.take([queue], max_bytes=self._batch_bytes))

    async def fold_once(self) -> bool:
        """Fold one batch; False when the end of every partition was reached. Raises Fenced, Superseded."""
        await self._read()
        waiting = [partition.waiting for partition in self._partitions.values()]
        events = batch.take(waiting, max_bytes=self._batch_bytes)
        if events:
            await self._fold_batch(events)
        return bool(events)

    async def _check_now_and_then(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._checked_s > _CHECK_S:
            await self._read_model.check(self.checkpoint)
            self._checked_s = now_s

    # --- partitions -----------------------------------------------------------------------------------------------

    async def _follow_assignment(self) -> None:
        wanted = self._assignment.partitions
        if wanted == self._partitions.keys():
            return
        for lost in self._partitions.keys() - wanted:
            del self._partitions[lost]
        await self._take_over(wanted - self._partitions.keys())

    async def _take_over(self, new: Set[int]) -> None:
        for number, checkpoint in (await self._read_model.checkpoints(new)).items():
            self._partitions[number] = _Partition(checkpoint)
        for event in await self._read_model.set_aside_positions(new):
            await self._resume(self._partitions[event.partition], event)

    async def _resume(self, partition: _Partition, event: SetAsidePosition) -> None:
        """Fold an event that was set aside, unless it still cannot be."""
        partition.set_aside += 1
        if event.stream in partition.stopped:
            return
        [recorded] = await self._log.read(event.partition, event.offset, limit=1)
        if recorded.stream in partition.stopped:
            return
        try:
            folded = await self._fold_events([recorded])
            if not folded.set_aside:
                resumed = [(event.partition, event.offset)]
                await self._read_model.commit(folded.state.changes(), folded.refusals, (), {}, resumed)
                partition.set_aside -= 1
                return
        except Unwritable as error:
            logger.warning("event %d:%d stays set aside: %s", event.partition, event.offset, error)
        partition.stopped.add(recorded.stream)

    async def _read(self) -> None:
        """Read on in the partitions of which nothing waits."""
        numbers = [number for number, partition in self._partitions.items() if not partition.waiting]
        if len(numbers) == 1:
            await self._read_partition(numbers[0])
        else:
            await asyncio.gather(*map(self._read_partition, numbers))

    async def _read_partition(self, number: int) -> None:
        partition = self._partitions[number]
        partition.waiting.extend(await self._log.read(number, partition.next_to_read, limit=batch.BATCH_EVENTS))

    async def _wait_for_events(self) -> None:
        """Until the log has grown or the assignment is another."""
        waits = [
            asyncio.ensure_future(self._log.wait_for_more(self.checkpoint, _IDLE_WAIT_S)),
            asyncio.ensure_future(self._assignment.wait_for_change(self._partitions.keys(), _IDLE_WAIT_S)),
        ]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for wait in waits:
            if wait not in done:
                with contextlib.suppress(asyncio.CancelledError):
                    await wait
        for wait in done:
            wait.result()

    # --- batches --------------------------------------------------------------------------------------------------

    async def _fold_batch(self, events: Sequence[RecordedEvent]) -> None:
        """Fold and commit. A batch that the database refuses is halved, until each culprit stands alone."""
        try:
            await self._commit(events, await self._fold_events(events))
        except Unwritable as error:
            if len(events) == 1:
                logger.error("event %d:%d is set aside: %s", events[0].partition, events[0].offset, error)
                decoded = [(events[0], UndecodableEvent(str(error)))]
                await self._commit(events, _Folded(BatchState({}), [], [SetAside(events[0], str(error))], decoded))
                return
            middle = len(events) // 2
            await self._fold_batch(events[:middle])
            await self._fold_batch(events[middle:])

    async def _commit(self, events: Sequence[RecordedEvent], folded: "_Folded") -> None:
        last = {event.partition: event for event in events}
        new = {number: event.offset + 1 for number, event in last.items()}
        await self._read_model.commit(
            folded.state.changes(),
            folded.refusals,
            folded.set_aside,
            {
                number: CheckpointMove(self._partitions[number].checkpoint, new[number], event.id)
                for number, event in last.items()
            },
        )
        for number, offset in new.items():
            self._partitions[number].checkpoint = offset
        for one in folded.set_aside:
            partition = self._partitions[one.event.partition]
            partition.stopped.add(one.event.stream)
            partition.set_aside += 1
        await self._resume_after_erasures(folded.state.erased)
        self._observe(folded.decoded)
        await self._publish(Progress(new, folded.refusals, self.set_aside_count, len(events)))

    async def _resume_after_erasures(self, erased: Collection[str]) -> None:
        """A stream that was erased has no events set aside any more: what comes after them is refused."""
        for number, partition in self._partitions.items():
            if not partition.stopped.isdisjoint(erased):
                partition.stopped.difference_update(erased)
                partition.set_aside = len(await self._read_model.set_aside_positions({number}))

    async def _fold_events(self, events: Sequence[RecordedEvent]) -> "_Folded":
        """Fold events in memory. One that cannot be folded is set aside, and with it all later ones of its stream.

        The reason an event is set aside for does not depend on which others it is folded with.
        """
        decoded = self._decode(events)
        to_fold = [(recorded, folded_as) for recorded, event in decoded if (folded_as := _folded_as(recorded, event))]
        readable = [(recorded, event) for recorded, event in to_fold if not isinstance(event, UndecodableEvent)]
        folded = _Folded(await BatchState.load(readable, self._read_model), [], [], decoded)
        stopped: set[str] = set()
        for recorded, event in to_fold:
            is_stopped = recorded.stream in stopped or recorded.stream in self._partitions[recorded.partition].stopped
            if is_stopped and recorded.stream not in folded.state.erased and not is_erasure(event):
                folded.set_aside.append(SetAside(recorded, _FOLLOWS))
                continue
            try:
                await self._fold_event(folded.state, recorded, event)
                if is_erasure(event):
                    folded.forget(recorded, event)
                    stopped.difference_update(erased_streams(recorded, event))
            except TracklogError as error:
                folded.refusals.append(
                    Refusal(recorded.partition, recorded.offset, error.error_code, error.message, recorded.stream)
                )
            except Exception as error:  # a poison event may raise anything, and must stop its own stream only
                reason = str(error) if isinstance(error, UndecodableEvent) else f"its fold raised {error!r}"
                stopped.add(recorded.stream)
                folded.set_aside.append(SetAside(recorded, reason))
        return folded

    async def _fold_event(self, state: BatchState, recorded: RecordedEvent, event: AnyEvent | UndecodableEvent) -> None:
        """Apply one event. Raises what `BatchState.fold` raises, and one that cannot be read.

        Of a stream that was erased also the latter is refused: it stops nothing, and is forgotten with what comes late.
        """
        try:
            if isinstance(event, UndecodableEvent):
                raise event
            state.fold(recorded, event)
        except (Orphan, UndecodableEvent):
            if not await state.is_erased(recorded.stream, self._read_model):
                raise
            state.refuse(recorded)

    def _decode(self, events: Sequence[RecordedEvent]) -> list[Decoded]:
        decoded: list[Decoded] = []
        for recorded in events:
            try:
                event: AnyEvent | UndecodableEvent = codec.decode(recorded)
                if (reason := self._read_model.cannot_keep(recorded.payload)) is not None:
                    event = UndecodableEvent(reason)
            except UndecodableEvent as error:
                event = error
            decoded.append((recorded, event))
        return decoded


@dataclass(frozen=True, slots=True)
class _Folded:
    state: BatchState
    refusals: list[Refusal]
    set_aside: list[SetAside]
    decoded: Sequence[Decoded]

    def forget(self, recorded: RecordedEvent, event: AnyErased) -> None:
        """Keep nothing of what was said of streams before they were erased."""
        unsaid = {(recorded.partition, offset) for offset in event.erasure.refused}
        streams = frozenset(erased_streams(recorded, event))
        self.refusals[:] = [
            one for one in self.refusals if one.stream not in streams and (one.partition, one.offset) not in unsaid
        ]
        self.set_aside[:] = [one for one in self.set_aside if one.event.stream not in streams]


def _folded_as(recorded: RecordedEvent, event: AnyEvent | UndecodableEvent) -> AnyEvent | UndecodableEvent | None:
    """As what an event is folded; None of one that was forgotten and leaves nothing."""
    return erasure_of(recorded) if isinstance(event, ForgottenEvent) else event
