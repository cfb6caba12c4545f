"""The sender child of a server on shared stores: `python -m tracklog.child` of this."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from tracklog.distributed.child_messages import ChildStores
from tracklog.distributed.shared_sender import opener_on
from tracklog.distributed.shared_system import reading_system
from tracklog.sending.sender_child import run
from tracklog.sending.sender_messages import ChildSettings
from tracklog.sending.sending import OpenSender


@asynccontextmanager
async def prepare(settings: ChildSettings, stopping: asyncio.Event) -> AsyncIterator[OpenSender]:
    stores = msgspec.convert(settings.stores, ChildStores).stores()
    async with reading_system(stores, stopping) as system:
        yield opener_on(stores, system, settings.webhooks)


if __name__ == "__main__":
    run(prepare)
