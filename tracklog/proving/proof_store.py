"""What is kept of the proof of a log: its trees in tiles, signed checkpoints, keys, and what was found to be wrong.

Nothing here is a secret, and all but the checkpoints and the keys can be made again from the log. Everything raises
TemporarilyUnavailable when the database cannot be used.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from event_log.proof.tiles import Tile, TileId

SCHEMA: Final = "tracklog_proof"

HOUR_S: Final = 3600
"""Of the checkpoints of each hour the last is kept: tens of them a day, however many are signed."""

TILES_AT_ONCE: Final = 256

Statement = tuple[str, Sequence[Sequence[Any]]]
"""SQL, its parameters `$1` and so on, and their values, once or several times."""


class Outrun(Exception):
    """A tree has another size than was expected: another process lets it grow."""


class StoredCheckpoint(NamedTuple):
    """A signed note, and what it is of, as was written down beside it: only the note proves it.

    `hour` is the one in which it was signed, counted from the Unix epoch.
    """

    partition: int
    size: int
    note: str
    hour: int


class ProofStore(ABC):
    """The proofs of one log. Rows of other logs, which were in its place, are left alone."""

    schema: ClassVar[str] = SCHEMA

    def __init__(self, log_id: str, clock: Callable[[], float] = time.time) -> None:
        self._log_id = log_id
        self._clock = clock

    # --- trees -----------------------------------------------------------------------------------------------------

    async def size(self, partition: int) -> int:
        """How many events the tree of a partition has."""
        rows = await self._fetch(
            'SELECT size FROM partitions WHERE log_id = $1 AND "partition" = $2', self._log_id, partition
        )
        return int(rows[0][0]) if rows else 0

    async def tiles(self, partition: int, wanted: Collection[TileId]) -> Mapping[TileId, Tile]:
        """Those of the tiles that are there."""
        found: dict[TileId, Tile] = {}
        for one in sorted(wanted):
            for hashes, hints in await self._fetch(
                'SELECT hashes, hints FROM tiles WHERE log_id = $1 AND "partition" = $2 AND level = $3 AND number = $4',
                self._log_id,
                partition,
                *one,
            ):
                found[one] = Tile(bytes(hashes), bytes(hints))
        return found

    async def leaf_tiles(self, partition: int, first: int) -> Sequence[Tile]:
        """Tiles of leaves from number `first` on, some of them; none where there are no more."""
        rows = await self._fetch(
            'SELECT hashes, hints FROM tiles WHERE log_id = $1 AND "partition" = $2 AND level = 0 AND number >= $3'
            " AND number < $4 ORDER BY number",
            self._log_id,
            partition,
            first,
            first + TILES_AT_ONCE,
        )
        return [Tile(bytes(hashes), bytes(hints)) for hashes, hints in rows]

    async def grow(
        self, partition: int, before: int, after: int, changed: Mapping[TileId, Tile], note: str | None
    ) -> None:
        """Let a tree grow, and keep the checkpoint over it, all at once. Raises Outrun."""
        if not before:
            await self._begin(partition)
        grown = (
            'UPDATE partitions SET size = $4 WHERE log_id = $1 AND "partition" = $2 AND size = $3',
            [(self._log_id, partition, before, after)],
        )
        tiles = (
            'INSERT INTO tiles (log_id, "partition", level, number, hashes, hints) VALUES ($1, $2, $3, $4, $5, $6)'
            ' ON CONFLICT (log_id, "partition", level, number) DO UPDATE SET hashes = excluded.hashes,'
            " hints = excluded.hints",
            [(self._log_id, partition, *one, tile.hashes, tile.hints) for one, tile in sorted(changed.items())],
        )
        hour = int(self._clock()) // HOUR_S
        notes = [] if note is None else [_kept(self._log_id, StoredCheckpoint(partition, after, note, hour))]
        if not await self._write(grown, [tiles, *notes]):
            raise Outrun(f"the tree of partition {partition} has no longer {before} events")

    # --- checkpoints -----------------------------------------------------------------------------------------------

    async def checkpoints(self, partition: int) -> list[StoredCheckpoint]:
        """The last one of each hour, the oldest first."""
        rows = await self._fetch(
            'SELECT size, note, hour FROM checkpoints WHERE log_id = $1 AND "partition" = $2 ORDER BY hour, size',
            self._log_id,
            partition,
        )
        return [StoredCheckpoint(partition, int(size), str(note), int(hour)) for size, note, hour in rows]

    async def newest(self) -> dict[int, StoredCheckpoint]:
        """The newest checkpoint of each partition that has one."""
        rows = await self._fetch(
            'SELECT "partition", size, note, hour FROM checkpoints c WHERE log_id = $1 AND size = ('
            ' SELECT max(size) FROM checkpoints WHERE log_id = $1 AND "partition" = c."partition") ORDER BY hour',
            self._log_id,
        )
        return {
            int(partition): StoredCheckpoint(int(partition), int(size), str(note), int(hour))
            for partition, size, note, hour in rows
        }

    async def keep_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keep one as that of its hour."""
        await self._begin(checkpoint.partition)
        await self._write(_kept(self._log_id, checkpoint), [])

    # --- what is wrong ---------------------------------------------------------------------------------------------

    async def partitions(self) -> dict[int, tuple[int, str | None]]:
        """The size of each tree, and why it does not grow, None where it does."""
        rows = await self._fetch('SELECT "partition", size, fault FROM partitions WHERE log_id = $1', self._log_id)
        return {int(partition): (int(size), fault) for partition, size, fault in rows}

    async def note_fault(self, partition: int, fault: str | None) -> None:
        """Write down why a tree does not grow; None: it does."""
        await self._begin(partition)
        await self._write(
            (
                'UPDATE partitions SET fault = $3 WHERE log_id = $1 AND "partition" = $2',
                [(self._log_id, partition, fault)],
            ),
            [],
        )

    # --- keys ------------------------------------------------------------------------------------------------------

    async def keys(self) -> list[str]:
        """The first public key, and the notes by which each key named the next; empty before the first."""
        rows = await self._fetch("SELECT text FROM keys WHERE log_id = $1 ORDER BY number", self._log_id)
        return [str(text) for (text,) in rows]

    async def add_key(self, text: str) -> None:
        """The first public key, or a note that names the next one."""
        await self._write(
            (
                "INSERT INTO keys (log_id, number, text) SELECT $1, coalesce(max(number) + 1, 0), $2 FROM keys"
                " WHERE log_id = $1",
                [(self._log_id, text)],
            ),
            [],
        )

    # --- the database ----------------------------------------------------------------------------------------------

    async def _begin(self, partition: int) -> None:
        await self._write(
            (
                'INSERT INTO partitions (log_id, "partition", size) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING',
                [(self._log_id, partition)],
            ),
            [],
        )

    @abstractmethod
    async def _fetch(self, sql: str, *parameters: Any) -> Sequence[Sequence[Any]]:
        """The rows of a statement."""

    @abstractmethod
    async def _write(self, first: Statement, others: Sequence[Statement]) -> bool:
        """Do statements in one transaction; where the first changes no row, do none of the others, and say False."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the database."""


def _kept(log_id: str, checkpoint: StoredCheckpoint) -> Statement:
    return (
        'INSERT INTO checkpoints (log_id, "partition", hour, size, note) VALUES ($1, $2, $3, $4, $5)'
        ' ON CONFLICT (log_id, "partition", hour) DO UPDATE SET size = excluded.size, note = excluded.note',
        [(log_id, checkpoint.partition, checkpoint.hour, checkpoint.size, checkpoint.note)],
    )
