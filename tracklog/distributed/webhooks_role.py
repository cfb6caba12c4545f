"""The role that tells webhooks: a sender with its caller, on the stores that it shares, until told to stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tracklog.background import work_of_process
from tracklog.distributed.roles import as_role, serve_role, shared_stores
from tracklog.distributed.shared_sender import opener_on
from tracklog.distributed.shared_system import reading_system
from tracklog.memory.collector import collect_seldom
from tracklog.sending.sending import Sending
from tracklog.serving.services import Services
from tracklog.settings.process import Settings


async def serve_webhooks(settings: Settings, announce: Callable[[str], None]) -> None:
    """Tell webhooks until a signal says to stop, and answer meanwhile how it goes. Raises AddressTaken, ForeignLog."""
    stores = shared_stores(settings)
    collect_seldom()

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        async with reading_system(stores, stopping) as system:
            sending = Sending(opener_on(stores, system, settings.webhooks), settings.webhooks)
            own = Services(
                routes=(),
                metrics=[sending.measured],
                needs={"sender": sending.check_sender, "caller": sending.check_caller},
            )
            async with work_of_process(sending.run(stopping), stopping):
                yield as_role("webhooks", set(), own, system.services())

    await serve_role(services, "tells webhooks, and how it is,", settings, announce)
