"""A new read model in PostgreSQL from a shared log, as the command line asks for it."""

from collections.abc import Callable
from functools import partial

from event_log.postgresql.control_schema import ensure_control_schema
from projector.port import ReadModelUnavailable
from projector.postgresql_rebuild import rebuild_postgresql
from projector.rebuild import Rebuilt
from schemas.errors import TemporarilyUnavailable
from tracklog.distributed.shared_log import open_shared_reader
from tracklog.settings.store_uris import SharedStores


async def rebuild_shared(
    stores: SharedStores, on_progress: Callable[[int, int], None], *, workers: int, accept_differences: bool
) -> Rebuilt:
    """Fold the whole log into a new read model, by so many processes, and switch to it.

    Raises RebuildUnderWay, ForeignLog, LogUnavailable, TemporarilyUnavailable.
    """
    dsn = stores.read_model.dsn
    await ensure_control_schema(dsn)
    try:
        return await rebuild_postgresql(
            dsn,
            partial(open_shared_reader, stores.event_log),
            on_progress,
            workers=workers,
            accept_differences=accept_differences,
        )
    except ReadModelUnavailable as unavailable:
        raise TemporarilyUnavailable(str(unavailable)) from unavailable
