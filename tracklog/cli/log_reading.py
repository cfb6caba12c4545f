"""Opening a log wherever it is, for a command that reads it while a server may have it open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from event_log.port import EventLogReader
from tracklog.settings.store_uris import EventLogPlace, SqliteFile


class NoLog(Exception):
    """There is no log where one was named, and none was made."""


@asynccontextmanager
async def reading_log(place: EventLogPlace) -> AsyncIterator[EventLogReader]:
    """A reader of the log at `place`, which a server may have open too.

    Raises NoLog, ForeignLog or LogUnavailable.
    """
    log = await _reader(place)
    try:
        yield log
    finally:
        await log.close()


async def _reader(place: EventLogPlace) -> EventLogReader:
    """Imports of libraries wait until a log needs them."""
    if not isinstance(place, SqliteFile):
        from tracklog.distributed.shared_log import open_shared_reader

        return await open_shared_reader(place)
    from event_log.sqlite.event_log import SqliteEventLogReader

    require_log(place.path)
    return SqliteEventLogReader(place.path)


def require_log(file: Path) -> None:
    """For a command that makes none. Raises NoLog, and ForeignLog for a file that is something else."""
    from event_log.sqlite.log_file import check_is_log

    if not check_is_log(file):
        raise NoLog(f"There is no log at {file}.")
