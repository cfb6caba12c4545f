"""A new read model from the log alone, built beside the live one, compared with it, and put in its place."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from event_log.fixed_assignment import FixedAssignment
from event_log.port import EventLogReader
from projector import sqlite_generations
from projector.compare import Difference, differences
from projector.sqlite_read_model import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker, Publish
from schemas.read_model_link import current, link_of

_LOCK_WAIT_S: Final = 30.0
PARTITION: Final = 0
_NEARLY_THERE_EVENTS: Final = 2000


class RebuildUnderWay(Exception):
    """Another process is rebuilding this read model."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How a rebuild ended. `differences` None: there was no live read model of this schema to compare with."""

    events: int
    differences: list[Difference] | None
    switched: bool


async def rebuild(
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
        return await _rebuild(log_path, log, on_progress, accept_differences=accept_differences)


async def _rebuild(
    log_path: Path, log: EventLogReader, on_progress: Callable[[int, int], None], *, accept_differences: bool
) -> Rebuilt:
    building = _building(log_path)
    live = current(log_path)
    if live is not None and not sqlite_generations.has_this_schema(live):
        live = None
    if live is None or _checkpoint(building) > _checkpoint(live):
        # Nothing to compare with at the moment we have reached: begin again.
        sqlite_generations.remove(building)
    if not sqlite_generations.has_this_schema(building):
        sqlite_generations.remove(building)
        sqlite_generations.create(building)
    writer = SqliteReadModelWriter(building)
    try:
        worker = ProjectorWorker(log, writer, FixedAssignment({PARTITION}), await _reporting(log, on_progress))
        await worker.start()
        if live is None:
            await worker.fold_until(await log.end())
            await writer.close()
            _put_in_place(log_path, building)
            return Rebuilt(worker.checkpoint[PARTITION], None, switched=True)
        found = await _compare(worker, live, building)
        if found and not accept_differences:
            return Rebuilt(worker.checkpoint[PARTITION], found, switched=False)
        await _take_over(worker, writer, log_path, live, building)
        return Rebuilt(worker.checkpoint[PARTITION], found, switched=True)
    finally:
        await writer.close()


@contextmanager
def _alone(log_path: Path) -> Iterator[None]:
    """Hold the right to rebuild, which ends with the process at the latest."""
    link = link_of(log_path)
    with link.with_name(link.name + ".rebuild.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RebuildUnderWay(f"The read model of {log_path} is being rebuilt by another process.") from error
        yield


def _building(log_path: Path) -> Path:
    link = link_of(log_path)
    return link.with_name(link.name + ".rebuild")


def _checkpoint(path: Path) -> int:
    """How far a read model is; 0 when there is none."""
    if not sqlite_generations.has_this_schema(path):
        return 0
    connection = sqlite3.connect(path)
    try:
        return _checkpoint_in(connection, "main")
    finally:
        connection.close()


def _checkpoint_in(connection: sqlite3.Connection, schema: str) -> int:
    row = connection.execute(f"SELECT next_offset FROM {schema}.checkpoints WHERE partition = {PARTITION}").fetchone()
    return int(row[0]) if row else 0


async def _reporting(log: EventLogReader, on_progress: Callable[[int, int], None]) -> Publish:
    end = (await log.end())[PARTITION]

    async def report(progress: Progress) -> None:
        reached = progress.checkpoint[PARTITION]
        on_progress(reached, max(end, reached))

    return report


async def _compare(worker: ProjectorWorker, live: Path, building: Path) -> list[Difference]:
    """Fold up to the live read model, hold it still in a snapshot, fold up to the very same event, and compare."""
    while (reached := _checkpoint(live)) - worker.checkpoint[PARTITION] > _NEARLY_THERE_EVENTS:
        await worker.fold_until({PARTITION: reached})
    connection = sqlite3.connect(f"file:{live}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("ATTACH ? AS rebuilt", (f"file:{building}?mode=ro",))
        connection.execute("BEGIN")
        await worker.fold_until({PARTITION: _checkpoint_in(connection, "main")})
        return differences(connection, "main", "rebuilt")
    finally:
        connection.close()


async def _take_over(
    worker: ProjectorWorker, writer: SqliteReadModelWriter, log_path: Path, live: Path, building: Path
) -> None:
    """Fold the rest and switch while the live read model's write lock keeps its worker still.

    The worker then finds, holding that lock itself, that its file no longer counts, and goes on with ours.
    """
    connection = sqlite3.connect(live, isolation_level=None, timeout=_LOCK_WAIT_S)
    try:
        await worker.fold_until({PARTITION: _checkpoint(live)})
        connection.execute("BEGIN IMMEDIATE")
        await worker.fold_until({PARTITION: _checkpoint_in(connection, "main")})
        await writer.close()
        _put_in_place(log_path, building)
    finally:
        connection.close()
    sqlite_generations.remove(live)


def _put_in_place(log_path: Path, building: Path) -> None:
    generation = sqlite_generations.next_generation(log_path)
    building.rename(generation)
    sqlite_generations.switch_to(log_path, generation)
