"""Read models of moments that are past: SQLite files in one folder, each folded up to its positions once, and kept."""

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Final

from event_log.fixed_assignment import FixedAssignment
from event_log.log_until import LogUntil
from projector import sqlite_generations
from projector.batch import WHOLE_LOG_BATCH_BYTES
from projector.last_folded import divergence
from projector.sqlite_origin import last_folded, origin
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker
from read_model import belonging
from read_model.tables import SCHEMA_VERSION
from schemas.envelope import Positions
from schemas.moments import positions_text

KEPT: Final = 4
"""So many files that no server reads are left in the folder, the ones used last. Each is as large as a read model."""

_SUFFIX: Final = ".read-model"

OnProgress = Callable[[int, int], Awaitable[None]]
"""Called with the number of events that are folded, and of all that there are."""


class PastUnderWay(Exception):
    """Another process folds the read model of the same positions at this moment."""


@asynccontextmanager
async def past_read_model(
    folder: Path, log: LogUntil, on_progress: OnProgress, kept: int = KEPT
) -> AsyncIterator[Path]:
    """The read model of `log` in this folder, folded to its end, for as long as the context lasts.

    It is there already when some process has folded it before; one that was broken off goes on where it was. Others
    that nobody has are removed but the `kept` that were used last. Raises PastUnderWay, LogUnavailable.
    """
    end = await log.end()
    name = _name(await log.identity(), end)
    path = folder / (name + _SUFFIX)
    with _alone(folder):
        lock = _lock_file(folder, name)
        is_ours = _locked(lock, fcntl.LOCK_EX)
        if not is_ours and not _locked(lock, fcntl.LOCK_SH):
            lock.close()
            raise PastUnderWay(
                f"Another process folds the log up to {positions_text(end)} just now; start again later."
            )
        _remove_unused(folder, name, kept - 1)
    try:
        if is_ours:
            await _fold(path, log, on_progress)
            with _alone(folder):  # for a moment nobody has it
                fcntl.flock(lock, fcntl.LOCK_SH)
        os.utime(path)
        yield path
    finally:
        lock.close()


async def _fold(path: Path, log: LogUntil, on_progress: OnProgress) -> None:
    """Have the read model at `path` hold every event of `log`."""
    log_id, end = await log.identity(), await log.end()
    if not await _is_of(path, log, log_id, end):
        sqlite_generations.remove(path)
        sqlite_generations.create(path, log_id)
    if origin(path)[1] == {partition: offset for partition, offset in end.items() if offset}:
        return
    whole = sum(end.values())

    async def report(_progress: Progress) -> None:
        await on_progress(sum(worker.checkpoint.values()), whole)

    writer = SqliteReadModelWriter(path)
    try:
        worker = ProjectorWorker(log, writer, FixedAssignment(set(end)), report, batch_bytes=WHOLE_LOG_BATCH_BYTES)
        await worker.start()
        await worker.fold_until(end)
    finally:
        await writer.close()


async def _is_of(path: Path, log: LogUntil, log_id: str, end: Positions) -> bool:
    """Whether `path` is a read model that this code can go on with, and of this log."""
    if not sqlite_generations.has_this_schema(path):
        return False
    if belonging.fault(*origin(path), log_id, end) is not None:
        return False
    return await divergence(log, last_folded(path)) is None


def _name(log_id: str, positions: Positions) -> str:
    """Of the file for these positions, and this code's schema. Many partitions would not fit into one."""
    state = f"{log_id} {SCHEMA_VERSION} {positions_text(positions)}"
    return hashlib.sha256(state.encode()).hexdigest()[:32]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While files are chosen and removed: a matter of milliseconds."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_unused(folder: Path, name: str, kept: int) -> None:
    """Remove read models that nobody has, but the `kept` used last, and the one of this name."""
    found = sorted(folder.glob("*" + _SUFFIX), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in [one for one in found if one.stem != name][kept:]:
        with _lock_file(folder, file.stem) as lock:
            if _locked(lock, fcntl.LOCK_EX):
                sqlite_generations.remove(file)
                Path(lock.name).unlink()


def _lock_file(folder: Path, name: str) -> IO[str]:
    return (folder / f"{name}.lock").open("a")


def _locked(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
