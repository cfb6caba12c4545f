"""The worker: folds what the log brings in batches, commits rows with their checkpoint, and says how far it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from event_log.port import EventLogReader
from projector.fold import fold
from projector.port import ReadModelWriter, Refusal, SetAside
from projector.working_set import WorkingSet, needs_of
from schemas import codec
from schemas.envelope import Positions, RecordedEvent
from schemas.errors import TracklogError
from schemas.events import AnyEvent

BATCH_EVENTS: Final = 2000
"""Enough that a transaction's fixed cost is small beside its events, few enough that a reader is not held up."""

_IDLE_WAIT_S: Final = 5.0
_FOLLOWS: Final = "an earlier event of its stream is set aside"


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker publishes after each commit: all of it is in the tables when it is said."""

    checkpoint: Positions
    refusals: Sequence[Refusal]
    set_aside: int


Publish = Callable[[Progress], Awaitable[None]]
Linger = Callable[[Positions], Awaitable[None]]
"""Called with the checkpoint before a batch is read: may wait a little for more, unless someone waits for it."""


async def _no_linger(checkpoint: Positions) -> None:
    pass


class ProjectorWorker:
    """Folds some partitions of a log into a read model."""

    def __init__(
        self,
        log: EventLogReader,
        read_model: ReadModelWriter,
        publish: Publish,
        linger: Linger = _no_linger,
    ) -> None:
        self._log = log
        self._read_model = read_model
        self._publish = publish
        self._linger = linger
        self._checkpoint: dict[int, int] = {}
        self._set_aside_streams: set[str] = set()
        self._set_aside_count = 0

    @property
    def checkpoint(self) -> Positions:
        return self._checkpoint

    @property
    def set_aside_count(self) -> int:
        return self._set_aside_count

    async def start(self) -> None:
        """Find the checkpoint, and fold again what was set aside: the code that could not may have been mended."""
        for partition in await self._log.partitions():
            self._checkpoint[partition] = await self._read_model.checkpoint(partition)
        await self._resume_set_aside()

    async def run(self) -> None:
        """Fold for ever. Raises Fenced when another worker or another read model took over."""
        while True:
            if not await self.fold_once():
                await self._log.wait_for_more(self._checkpoint, _IDLE_WAIT_S)
            if not await self._is_far_behind():
                await self._linger(self._checkpoint)

    async def fold_until(self, end: Positions) -> None:
        """Fold up to `end` in every partition, and not past it."""
        for partition, offset in end.items():
            while (start := self._checkpoint[partition]) < offset:
                events = await self._log.read(partition, start, limit=min(BATCH_EVENTS, offset - start))
                await self._fold_batch(partition, events)

    async def fold_once(self) -> bool:
        """Fold one batch of each partition; False when the end of all was reached."""
        found = False
        for partition, offset in list(self._checkpoint.items()):
            events = await self._log.read(partition, offset, limit=BATCH_EVENTS)
            if events:
                found = True
                await self._fold_batch(partition, events)
        return found

    async def _is_far_behind(self) -> bool:
        """Whether a full batch waits already, so that there is nothing to wait for."""
        end = await self._log.end()
        return any(end[partition] - offset >= BATCH_EVENTS for partition, offset in self._checkpoint.items())

    async def _fold_batch(self, partition: int, events: Sequence[RecordedEvent]) -> None:
        folded = await self._fold_events(events)
        new = events[-1].offset + 1
        await self._read_model.commit(
            folded.working_set, folded.refusals, folded.set_aside, {partition: (self._checkpoint[partition], new)}
        )
        self._checkpoint[partition] = new
        self._set_aside_streams.update(one.event.stream for one in folded.set_aside)
        self._set_aside_count += len(folded.set_aside)
        await self._publish(Progress({partition: new}, folded.refusals, self._set_aside_count))

    async def _fold_events(self, events: Sequence[RecordedEvent]) -> "_Folded":
        """Fold events in memory. One that cannot be folded is set aside, and with it all later ones of its stream."""
        set_aside: list[SetAside] = []
        stopped = set(self._set_aside_streams)
        decoded: list[tuple[RecordedEvent, AnyEvent]] = []
        for recorded in events:
            if recorded.stream in stopped:
                set_aside.append(SetAside(recorded, _FOLLOWS))
                continue
            try:
                decoded.append((recorded, codec.decode(recorded)))
            except codec.UndecodableEvent as error:
                stopped.add(recorded.stream)
                set_aside.append(SetAside(recorded, str(error)))
        working_set = await self._read_model.load(needs_of([event for _, event in decoded]))
        refusals: list[Refusal] = []
        poisoned: set[str] = set()
        for recorded, event in decoded:
            if recorded.stream in poisoned:
                set_aside.append(SetAside(recorded, _FOLLOWS))
                continue
            try:
                fold(working_set, recorded, event)
            except TracklogError as error:
                refusals.append(Refusal(recorded.partition, recorded.offset, error.error_code, error.message))
            except Exception as error:  # whatever a poison event raises, it must stop its own stream only
                poisoned.add(recorded.stream)
                set_aside.append(SetAside(recorded, f"its fold raised {error!r}"))
        return _Folded(working_set, refusals, set_aside)

    async def _resume_set_aside(self) -> None:
        offsets = await self._read_model.set_aside_offsets()
        self._set_aside_count = len(offsets)
        if not offsets:
            return
        self._set_aside_streams = set()
        for partition, offset in offsets:
            [recorded] = await self._log.read(partition, offset, limit=1)
            folded = await self._fold_events([recorded])
            if folded.set_aside:
                self._set_aside_streams.add(recorded.stream)
                continue
            await self._read_model.commit(folded.working_set, folded.refusals, (), {}, resumed=[(partition, offset)])
            self._set_aside_count -= 1


@dataclass(frozen=True, slots=True)
class _Folded:
    working_set: WorkingSet
    refusals: list[Refusal]
    set_aside: list[SetAside]
