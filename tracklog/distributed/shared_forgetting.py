"""How a log that processes share forgets, by what it is in."""

from contextlib import AsyncExitStack

from event_log.forgetting import Forgetting
from event_log.port import EventLogReader
from event_log.postgresql.forgetting import PostgresqlForgetting
from event_log.postgresql.sealed_logs import log_of_keys
from tracklog.settings.store_uris import PostgresqlDatabase, SharedStores


async def forgetting_of(stores: SharedStores, log: EventLogReader, stack: AsyncExitStack) -> Forgetting:
    """Of the log of `stores`, which is open; let go of when `stack` is left.

    A log in Kafka forgets where its payloads are sealed. Of another it is noted, in the database of the read model, how
    far erasures are carried out, and nothing is forgotten.
    Raises LogUnavailable.
    """
    place = stores.event_log
    log_id = await log.identity()
    if isinstance(place, PostgresqlDatabase):
        forgetting = PostgresqlForgetting(place.dsn, log_id)
        stack.push_async_callback(forgetting.close)
        return forgetting
    of_log = await log_of_keys(stores.read_model.dsn, log_id)
    if of_log is not None:
        from event_log.postgresql.stream_keys import PostgresqlStreamKeys
        from event_log.sealing.forgetting import KeyForgetting

        keys = PostgresqlStreamKeys(stores.read_model.dsn, log_id, of_log)
        stack.push_async_callback(keys.close)
        return KeyForgetting(keys)
    noting = PostgresqlForgetting(stores.read_model.dsn, log_id, removes_payloads=False)
    stack.push_async_callback(noting.close)
    return noting
