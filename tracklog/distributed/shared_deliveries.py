"""The delivery store of processes that share stores, opened when it is first asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from schemas.errors import TemporarilyUnavailable
from tracklog.settings.store_uris import SharedStores
from tracklog.webhooks.opened_once import OpenedOnce

if TYPE_CHECKING:
    from tracklog.webhooks.delivery_store import DeliveryStore


@asynccontextmanager
async def shared_deliveries(stores: SharedStores) -> AsyncIterator[OpenedOnce]:
    """Closed in the end."""

    async def opened() -> "DeliveryStore":
        from event_log.port import ForeignLog
        from tracklog.distributed.shared_sender import opened_store
        from tracklog.serving.services import CannotStart
        from tracklog.webhooks.delivery_store import PostgresqlDeliveryStore

        try:
            return await opened_store(PostgresqlDeliveryStore.open, stores.read_model.dsn)
        except (CannotStart, ForeignLog) as error:  # what is wrong for good is said to each who asks
            raise TemporarilyUnavailable(str(error)) from error

    deliveries = OpenedOnce(opened)
    try:
        yield deliveries
    finally:
        await deliveries.close()
