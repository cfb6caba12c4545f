"""The embedded server: one process that serves every route, on one log with its projector child."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from read_model.sqlite_link import link_of
from tracklog.embedded.configuration import Configuration, write_configuration
from tracklog.embedded.files import configuration_file_of
from tracklog.embedded.system import EmbeddedSystem
from tracklog.serving.greeting import greeting
from tracklog.serving.log_watch import LogWatch
from tracklog.serving.process import serve
from tracklog.serving.role_services import together
from tracklog.serving.services import Services
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import EmbeddedStores


async def serve_embedded(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until a signal says to stop.

    Raises AddressTaken, ForeignLog or LogInUse before anything is served, and ForeignLog when the log is replaced.
    """
    assert isinstance(settings.stores, EmbeddedStores)
    log_file = settings.stores.event_log.path

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        if not log_file.exists():
            announce(f"There is no log at {log_file} yet: a new one is made.")
        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(EmbeddedSystem(log_file, proof=settings.proof))
            _keep_configuration(log_file, await system.log.identity(), settings)
            # The imports take a while, in which the projector child starts too.
            from tracklog.embedded.services import embedded_services

            watch = LogWatch(system.log)
            await stack.enter_async_context(watch.looking(stopping))
            served = await embedded_services(settings, system, stack)
            yield together(served, Services(routes=(), needs={"whole event log": watch.require_whole}))

    artifacts = settings.artifacts
    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(
            reach,
            log=str(log_file),
            read_model=str(link_of(log_file)),
            artifacts=artifacts.shown if artifacts.serve else None,
            page=True,
        ),
        announce=announce,
    )


def _keep_configuration(log_file: Path, log_id: str, settings: Settings) -> None:
    """Have a backup of the log say how its server is started. Where it cannot be kept the server runs all the same."""
    configuration = Configuration(log_id, version("tracklog"), settings.options)
    with suppress(OSError):
        write_configuration(configuration_file_of(log_file), configuration)
