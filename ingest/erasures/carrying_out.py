"""Carrying erasures out: the artifacts go, then the payloads. What a crash left is carried on.

The read model keeps which streams were erased, and at which offset; the log's own database, up to which offset that was
carried out. So nothing has to be remembered between the two, and whatever is done twice does no harm.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from event_log.forgetting import Forgetting
from event_log.port import EventLogReader
from ingest.admission.lookups import Lookup, Lookups
from ingest.erasures.port import ArtifactFolders
from schemas import codec
from schemas.envelope import Position, RecordedEvent
from schemas.errors import TracklogError
from schemas.events import AnyErased, Erasure

logger = logging.getLogger(__name__)

LOOK_S: Final = 60.0
"""How often it is looked whether events of erased streams came late."""
_AGAIN_S: Final = 5.0
_AT_ONCE: Final = 500


Note = Callable[[RecordedEvent], None]


class _Tombstone(NamedTuple):
    stream: str
    offset: int | None
    last_offset: int


TO_CARRY_OUT: Final = Lookup(
    'SELECT stream, "offset", last_offset FROM erased WHERE partition = $1 AND last_offset >= $2'
    f" ORDER BY last_offset LIMIT {_AT_ONCE}",
    lambda row: _Tombstone(*row),
)
PENDING: Final = Lookup(
    "SELECT count(*) FROM erased WHERE partition = $1 AND last_offset >= $2", lambda row: int(row[0])
)


class CarryingOut:
    """Of one log. Several processes may be at it. `note` keeps each erasure beside the log before it is carried out."""

    def __init__(
        self,
        log: EventLogReader,
        lookups: Lookups,
        forgetting: Forgetting,
        artifacts: ArtifactFolders,
        note: Note | None = None,
    ) -> None:
        self._note = note
        self._log = log
        self._lookups = lookups
        self._forgetting = forgetting
        self._artifacts = artifacts
        self._wanted = asyncio.Event()
        self._working = asyncio.Lock()
        self._done: set[_Tombstone] = set()
        """Carried out, behind one that is not."""
        self._forgotten: set[_Tombstone] = set()
        """Of which the artifacts alone are left."""
        self.trouble: str | None = None

    @property
    def removes_payloads(self) -> bool:
        """Whether the log can forget what it holds."""
        return self._forgetting.removes_payloads

    def begin(self) -> None:
        """Something was erased."""
        self._wanted.set()

    async def run(self) -> None:
        """Carry out until cancelled."""
        while True:
            self._wanted.clear()
            await self.carry_out()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S if self.trouble else LOOK_S):
                    await self._wanted.wait()

    async def carry_out(self) -> None:
        """Carry out everything that the read model tells of; what cannot be now is in `trouble`."""
        async with self._working:
            try:
                found = [await self._in_partition(partition) for partition in await self._log.partitions()]
                trouble = next((one for one in found if one is not None), None)
            except (TracklogError, OSError) as error:
                trouble = str(error)
            if trouble is not None and self.trouble is None:
                logger.error("an erasure could not be carried out: %s", trouble)
            self.trouble = trouble

    async def pending(self) -> int:
        """How many streams were erased of which something may be left. Raises TemporarilyUnavailable."""
        found = 0
        for partition in await self._log.partitions():
            begin = await self._forgetting.carried_out(partition)
            found += await self._lookups.one(PENDING, partition, begin) or 0
        return found

    async def _in_partition(self, partition: int) -> str | None:
        """What stands in the way of the first that cannot be carried out; the others are. None where nothing does.

        It is noted up to that one, so the ones behind it come again with it.
        """
        carried_out = begin = await self._forgetting.carried_out(partition)
        trouble: str | None = None
        while True:
            tombstones = await self._lookups.all(TO_CARRY_OUT, partition, begin)
            failed = await self._carry_out(partition, [one for one in tombstones if one not in self._done])
            for one in tombstones:
                trouble = trouble or failed.get(one)
                if trouble is None:
                    carried_out = one.last_offset + 1
                elif one not in failed:
                    self._done.add(one)
            if trouble is None:
                self._done.difference_update(tombstones)
            if tombstones:
                await self._forgetting.note_carried_out(partition, carried_out)
                begin = tombstones[-1].last_offset + 1
            if len(tombstones) < _AT_ONCE:
                return trouble

    async def _carry_out(self, partition: int, tombstones: Sequence[_Tombstone]) -> dict[_Tombstone, str]:
        """Those that could not be, and why: their payloads are gone, and their artifacts still there."""
        streams: dict[str, None] = {}
        refused: list[Position] = []
        failed: dict[_Tombstone, str] = {}
        for tombstone in tombstones:
            erasure = await self._erasure(partition, tombstone)
            if erasure is None:
                continue
            why = await self._without_artifacts(erasure, tombstone.stream.partition("/")[2])
            if why is not None:
                failed[tombstone] = why
            if tombstone not in self._forgotten:
                streams |= dict.fromkeys(erasure.streams)
                refused += [Position(partition, offset) for offset in erasure.refused]
        if streams or refused:
            # All at once: afterwards the log is made to let go of what it was, which takes as long for one as for many.
            await self._forgetting.forget(list(streams), refused)
        self._forgotten = self._forgotten.difference(tombstones).union(failed)
        return failed

    async def _without_artifacts(self, erasure: Erasure, key: str) -> str | None:
        """Remove the artifacts; why they could not be."""
        if not erasure.artifact_uri:
            return None
        try:
            if await self._artifacts.remove(erasure.artifact_uri, key):
                return None
        except (TracklogError, OSError) as error:
            return str(error)
        return f"The artifacts at {erasure.artifact_uri} are not reached from here."

    async def _erasure(self, partition: int, tombstone: _Tombstone) -> Erasure | None:
        """None as long as only events that were forgotten tell of it: the erasure comes behind them."""
        if tombstone.offset is None:
            return None
        [recorded] = await self._log.read_at(partition, [tombstone.offset])
        if self._note is not None:
            await asyncio.to_thread(self._note, recorded)
        erased = codec.decode(recorded)
        assert isinstance(erased, AnyErased)
        return erased.erasure
