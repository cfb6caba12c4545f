"""Read models for the projector's tests: folded from a log in batches of any size."""

import atexit
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path

from event_log.fixed_assignment import FixedAssignment
from event_log.memory_event_log import MemoryEventLog
from projector import sqlite_generations
from projector.compare import Difference, differences
from projector.sqlite_writer import SqliteReadModelWriter
from projector.worker import Progress, ProjectorWorker

_names = itertools.count()


@cache
def empty_read_model() -> Path:
    """A file to be copied, which is faster than to make tables. In the mode in which it is written, as a writer leaves
    it: to bring it there takes as long as to copy it."""
    file = Path(tempfile.mkdtemp(prefix="read-models-")) / "empty"
    atexit.register(shutil.rmtree, file.parent)
    sqlite_generations.create(file, "of no log")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return file


class Projected:
    """A read model in a file of its own, and what its worker published."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"read-model-{next(_names)}.db"
        shutil.copy(empty_read_model(), self.path)
        self.published: list[Progress] = []

    async def _publish(self, progress: Progress) -> None:
        self.published.append(progress)

    async def fold(self, log: MemoryEventLog, ends: Iterable[int] = (), *, partition: int = 0) -> None:
        """Fold a partition of the log, each of `ends` with a worker of its own, then what is left."""
        last = (await log.end())[partition]
        for end in [*sorted(min(end, last) for end in ends), last]:
            writer = SqliteReadModelWriter(self.path)
            one = ProjectorWorker(log, writer, FixedAssignment({partition}), self._publish)
            await one.start()
            await one.fold_until({partition: end})
            await writer.close()

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


async def projected(folder: Path, log: MemoryEventLog, ends: Iterable[int] = ()) -> Projected:
    read_model = Projected(folder)
    await read_model.fold(log, ends)
    return read_model


def compare_files(live: Path, rebuilt: Path) -> list[Difference]:
    """The differences between two read-model files at rest."""
    connection = sqlite3.connect(f"file:{live}?mode=ro", uri=True)
    try:
        connection.execute("ATTACH ? AS rebuilt", (str(rebuilt),))
        return differences(connection, "main", "rebuilt")
    finally:
        connection.close()
