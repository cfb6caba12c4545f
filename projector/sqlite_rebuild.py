"""A new read model in SQLite from the log alone, in a file beside the live one."""

import contextlib
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

from event_log.fixed_assignment import FixedAssignment
from event_log.port import EventLogReader
from projector import rebuild, sqlite_generations
from projector.batch import WHOLE_LOG_BATCH_BYTES
from projector.compare import Difference, differences
from projector.last_folded import divergence
from projector.rebuild import ReadModels, RebuildUnderWay, Rebuilt
from projector.sqlite_origin import last_folded, origin
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker, Publish
from read_model import belonging
from read_model.sqlite_link import current, link_of
from schemas.envelope import PARTITION, Positions

_LOCK_WAIT_S: Final = 30.0


async def rebuild_sqlite(
    log_path: Path,
    log: EventLogReader,
    on_progress: Callable[[int, int], None],
    *,
    accept_differences: bool = False,
) -> Rebuilt:
    """Fold the whole log into a new generation and switch to it; reads and writes go on meanwhile.

    `on_progress` is called with the offset reached and the end. A rebuild that was broken off goes on where it was.
    The switch is refused when the new rows differ from the live ones, unless `accept_differences`.
    Raises RebuildUnderWay when another process is at it.
    """
    with _alone(log_path):
        log_id = await log.identity()
        live, building = await _live(log_path, log, log_id), _building(log_path)
        if live is None or _checkpoint(building) > _checkpoint(live):
            # Nothing to compare with at the moment we have reached: begin again.
            sqlite_generations.remove(building)
        if not await _is_of(building, log, log_id):
            sqlite_generations.remove(building)
            sqlite_generations.create(building, log_id)
        writer = SqliteReadModelWriter(building)
        try:
            report = await _reporting(log, on_progress)
            worker = ProjectorWorker(
                log, writer, FixedAssignment({PARTITION}), report, batch_bytes=WHOLE_LOG_BATCH_BYTES
            )
            await worker.start()
            files = _Files(log_path, live, building, worker, writer)
            return await rebuild.rebuild(files, log, accept_differences=accept_differences)
        finally:
            await writer.close()


class _Files(ReadModels):
    """The file that is live, and the one that is built."""

    def __init__(
        self, log_path: Path, live: Path | None, building: Path, worker: ProjectorWorker, writer: SqliteReadModelWriter
    ) -> None:
        self._log_path = log_path
        self._live = live
        self._building = building
        self._worker = worker
        self._writer = writer

    async def live(self) -> Positions | None:
        return None if self._live is None else {PARTITION: _checkpoint(self._live)}

    async def built(self) -> Positions:
        return self._worker.checkpoint

    async def fold_until(self, end: Positions) -> None:
        await self._worker.fold_until(end)

    async def differences(self) -> list[Difference]:
        """Hold the live one still in a snapshot, and compare what is folded up to the same event."""
        connection = sqlite3.connect(f"file:{self._live}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("ATTACH ? AS rebuilt", (f"file:{self._building}?mode=ro",))
            connection.execute("BEGIN")
            await self.fold_until({PARTITION: _checkpoint_in(connection)})
            return differences(connection, "main", "rebuilt")
        finally:
            connection.close()

    @contextlib.asynccontextmanager
    async def held_still(self) -> AsyncIterator[Positions]:
        """By the write lock of its file.

        Its worker then finds, holding that lock itself, that its file no longer counts, and goes on with ours.
        """
        assert self._live is not None
        connection = sqlite3.connect(self._live, isolation_level=None, timeout=_LOCK_WAIT_S)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield {PARTITION: _checkpoint_in(connection)}
        finally:
            connection.close()

    async def switch(self) -> None:
        await self._writer.close()
        generation = sqlite_generations.next_generation(self._log_path)
        self._building.rename(generation)
        sqlite_generations.switch_to(self._log_path, generation)
        if self._live is not None:
            sqlite_generations.remove(self._live)


@contextlib.contextmanager
def _alone(log_path: Path) -> Iterator[None]:
    """Hold the right to rebuild, which ends with the process at the latest."""
    link = link_of(log_path)
    with link.with_name(link.name + ".rebuild.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RebuildUnderWay(f"The read model of {log_path} is being rebuilt by another process.") from error
        yield


async def _live(log_path: Path, log: EventLogReader, log_id: str) -> Path | None:
    live = current(log_path)
    return live if live is not None and await _is_of(live, log, log_id) else None


async def _is_of(path: Path, log: EventLogReader, log_id: str) -> bool:
    """Whether `path` is a read model that this code can go on with, and of this log."""
    if not sqlite_generations.has_this_schema(path):
        return False
    if belonging.fault(*origin(path), log_id, await log.end()) is not None:
        return False
    return await divergence(log, last_folded(path)) is None


def _building(log_path: Path) -> Path:
    link = link_of(log_path)
    return link.with_name(link.name + ".rebuild")


def _checkpoint(path: Path) -> int:
    """How far a read model is; 0 when there is none."""
    if not sqlite_generations.has_this_schema(path):
        return 0
    connection = sqlite3.connect(path)
    try:
        return _checkpoint_in(connection)
    finally:
        connection.close()


def _checkpoint_in(connection: sqlite3.Connection) -> int:
    row = connection.execute(f"SELECT next_offset FROM main.checkpoints WHERE partition = {PARTITION}").fetchone()
    return int(row[0]) if row else 0


async def _reporting(log: EventLogReader, on_progress: Callable[[int, int], None]) -> Publish:
    end = (await log.end())[PARTITION]

    async def report(progress: Progress) -> None:
        reached = progress.checkpoint[PARTITION]
        on_progress(reached, max(end, reached))

    return report
