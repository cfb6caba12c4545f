"""The role that tells webhooks: a sender with its caller, on the stores that it shares, until told to stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tracklog.distributed.roles import as_role, shared_stores
from tracklog.distributed.shared_sender import opener_on
from tracklog.distributed.shared_system import reading_system
from tracklog.memory.collector import collect_seldom
from tracklog.sending.sending import Sending
from tracklog.serving.greeting import greeting
from tracklog.serving.process import serve
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
            running = asyncio.create_task(sending.run(stopping))
            running.add_done_callback(lambda _: stopping.set())  # whatever ended it, the process goes with it
            own = Services(
                routes=(),
                metrics=[sending.measured],
                needs={"sender": sending.check_sender, "caller": sending.check_caller},
            )
            try:
                yield as_role("webhooks", set(), own, system.services())
            finally:
                stopping.set()
                await running

    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(
            reach,
            does="tells webhooks, and how it is,",
            log=str(stores.event_log),
            read_model=str(stores.read_model),
        ),
        announce=announce,
    )
