"""How a log that processes share forgets, by what it is in."""

from contextlib import AsyncExitStack

from event_log.forgetting import Forgetting
from event_log.port import EventLogReader
from event_log.postgresql.forgetting import PostgresqlForgetting
from tracklog.settings.store_uris import PostgresqlDatabase, SharedStores


async def forgetting_of(stores: SharedStores, log: EventLogReader, stack: AsyncExitStack) -> Forgetting:
    """Of the log of `stores`; let go of when `stack` is left. That of a log in Kafka notes, in the database of the read
    model, how far erasures are carried out, and forgets nothing.

    Raises LogUnavailable.
    """
    place = stores.event_log
    is_in_sql = isinstance(place, PostgresqlDatabase)
    dsn = place.dsn if isinstance(place, PostgresqlDatabase) else stores.read_model.dsn
    forgetting = PostgresqlForgetting(dsn, await log.identity(), removes_payloads=is_in_sql)
    stack.push_async_callback(forgetting.close)
    return forgetting
