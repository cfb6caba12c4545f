"""Carrying erasures out: the artifacts go, then the payloads. What a crash left is carried on.

The read model keeps which streams were erased, and at which offset; the log's own database, up to which offset that was
carried out. So nothing has to be remembered between the two, and whatever is done twice does no harm.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from event_log.forgetting import Forgetting
from event_log.port import EventLogReader
from ingest.admission.lookups import Lookup, Lookups
from ingest.erasures.port import ArtifactFolders
from schemas import codec
from schemas.envelope import RecordedEvent
from schemas.errors import TemporarilyUnavailable, TracklogError
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
                for partition in await self._log.partitions():
                    has_more = True
                    while has_more:
                        has_more = await self._some_of(partition)
            except (TracklogError, OSError) as error:
                if self.trouble is None:
                    logger.error("an erasure could not be carried out: %s", error)
                self.trouble = str(error)
            else:
                self.trouble = None

    async def pending(self) -> int:
        """How many streams were erased of which something may be left. Raises TemporarilyUnavailable."""
        found = 0
        for partition in await self._log.partitions():
            begin = await self._forgetting.carried_out(partition)
            found += await self._lookups.one(PENDING, partition, begin) or 0
        return found

    async def _some_of(self, partition: int) -> bool:
        begin = await self._forgetting.carried_out(partition)
        tombstones = await self._lookups.all(TO_CARRY_OUT, partition, begin)
        streams: dict[str, None] = {}
        refused: list[int] = []
        for tombstone in tombstones:
            erasure = await self._erasure(partition, tombstone)
            if erasure is None:
                continue
            key = tombstone.stream.partition("/")[2]
            if erasure.artifact_uri and not await self._artifacts.remove(erasure.artifact_uri, key):
                raise TemporarilyUnavailable(f"The artifacts at {erasure.artifact_uri} are not reached from here.")
            streams |= dict.fromkeys(erasure.streams)
            refused += erasure.refused
        if tombstones:
            # All at once: afterwards the log is made to let go of what it was, which takes as long for one as for many.
            await self._forgetting.forget(list(streams), refused)
            await self._forgetting.note_carried_out(partition, tombstones[-1].last_offset + 1)
        return len(tombstones) == _AT_ONCE

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
