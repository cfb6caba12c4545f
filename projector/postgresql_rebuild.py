"""A new read model in PostgreSQL from the log alone, beside the live one, compared with it, and put in its place."""

from collections.abc import Awaitable, Callable

from event_log.port import EventLogReader
from projector.rebuild import Rebuilt

OpenLog = Callable[[], Awaitable[EventLogReader]]
"""Opens the log. It is sent to worker processes: a function of a module, or a `functools.partial` of one."""


async def rebuild_postgresql(
    dsn: str,
    open_log: OpenLog,
    on_progress: Callable[[int, int], None],
    *,
    workers: int,
    accept_differences: bool = False,
) -> Rebuilt:
    """Fold the whole log into a new generation and switch to it; reads and writes go on meanwhile.

    `on_progress` is called with the number of events folded and of all there are. `workers` processes share the
    partitions. A rebuild that was broken off goes on where it was. The switch is refused when the new rows differ from
    the live ones, unless `accept_differences`.
    Raises RebuildUnderWay when another process is at it, ReadModelUnavailable, LogUnavailable.
    """
    raise NotImplementedError
