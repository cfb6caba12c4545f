"""A read model in SQLite of what a log holds at a moment, to read all of it: the live one, or one folded for it."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from event_log.log_until import LogUntil, checked_positions, positions_at
from event_log.port import EventLogReader
from projector import sqlite_generations
from projector.sqlite_origin import origin
from projector.sqlite_past import past_read_model
from read_model.sqlite_link import current
from schemas.envelope import Positions
from schemas.moments import Moment
from tracklog.moving.importing import Show

_CATCHING_UP_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.05
"""The read model of a running server follows its log by milliseconds; one that does not is of a server that stopped."""


@asynccontextmanager
async def folded(
    log: EventLogReader, log_file: Path | None, moment: Moment | None, show: Show
) -> AsyncIterator[tuple[Path, Positions]]:
    """The file of a read model for a moment, None for now, and the positions that it holds at least.

    `log_file` is that of a log in SQLite, whose read model lies beside it. Raises BeyondTheLog, LogUnavailable.
    """
    if moment is None:
        end = await log.end()
        if log_file is not None and (live := await _live(log, log_file, end)) is not None:
            yield live, end
            return
    elif isinstance(moment, int):
        end = await positions_at(log, moment)
    else:
        end = await checked_positions(log, moment)

    async def report(reached: int, whole: int) -> None:
        show(reached, whole)

    with tempfile.TemporaryDirectory(prefix="tracklog-export-") as folder:
        async with past_read_model(Path(folder), LogUntil(log, end), report) as path:
            yield path, end


async def _live(log: EventLogReader, log_file: Path, end: Positions) -> Path | None:
    """The read model beside a log, when it holds everything up to `end`, or does so in a moment."""
    log_id = await log.identity()
    async with asyncio.timeout(None) as patience:
        patience.reschedule(asyncio.get_running_loop().time() + _CATCHING_UP_S)
        try:
            while True:
                path = current(log_file)
                if path is None or not sqlite_generations.has_this_schema(path):
                    return None
                of, checkpoints = origin(path)
                if of != log_id:
                    return None
                if all(checkpoints.get(partition, 0) >= offset for partition, offset in end.items()):
                    return path
                await asyncio.sleep(_LOOK_AGAIN_S)
        except asyncio.CancelledError:
            if patience.expired():
                return None
            raise


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """A connection to a read model which sees it as it is now, whoever writes to it."""
    name = str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{name}?mode=ro", uri=True, check_same_thread=False, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection
