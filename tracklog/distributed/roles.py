"""The roles that answer requests, each a process of its own: the embedded server's services on shared stores."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from query_api.server_routes import server_routes
from schemas.rest.route import Kind
from tracklog.distributed.shared_authentication import shared_authentication
from tracklog.distributed.shared_forgetting import forgetting_of
from tracklog.distributed.shared_proving import proofs_on
from tracklog.distributed.shared_system import (
    appendable_when_needed,
    history_index,
    history_reader,
    reading_system,
    writing_system,
)
from tracklog.distributed.shared_webhook_stores import webhook_stores_on
from tracklog.serving.greeting import greeting
from tracklog.serving.process import serve
from tracklog.serving.proof_services import proof_services
from tracklog.serving.role_services import artifact_services, known_by, read_services, together, write_services
from tracklog.serving.services import Open, Services
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import SharedStores
from tracklog.webhooks.account import needs_of
from tracklog.webhooks.stores import given

Announce = Callable[[str], None]


async def serve_ingest(settings: Settings, announce: Announce) -> None:
    """Take writes until a signal says to stop. Raises AddressTaken, ForeignLog."""
    stores = shared_stores(settings)

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        from ingest.admission.postgresql_lookups import PostgresqlLookups

        async with writing_system(stores, stopping) as system:
            lookups = PostgresqlLookups(system.connections)
            async with (
                shared_authentication(settings, system, stopping) as authentication,
                AsyncExitStack() as stack,
            ):
                writes = await write_services(
                    system.log,
                    system.progress,
                    lookups,
                    settings.artifacts,
                    shared=True,
                    authentication=authentication,
                    webhooks=needs_of(webhook_stores_on(stores, settings.webhooks, stack)),
                    forgetting=await forgetting_of(stores, system.log, stack),
                    stack=stack,
                    index=await stack.enter_async_context(history_index(system)),
                )
                yield as_role("ingest", {Kind.WRITE}, writes, system.services(), known_by(authentication))

    await serve_role(services, "takes writes", settings, announce)


async def serve_query(settings: Settings, announce: Announce) -> None:
    """Answer reads until a signal says to stop. Raises AddressTaken, ForeignLog."""
    stores = shared_stores(settings)

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        from query_api.postgresql.read_model import PostgresqlReadModel

        async with (
            reading_system(stores, stopping) as system,
            history_reader(stores, stopping) as history,
            shared_authentication(settings, system, stopping) as authentication,
            AsyncExitStack() as stack,
        ):
            if authentication is not None:
                log = appendable_when_needed(stores, system)
                stack.push_async_callback(log.close)
                authentication.note_access_in(log.get)
            reads = read_services(
                system.log,
                history,
                system.progress,
                PostgresqlReadModel(system.connections),
                await stack.enter_async_context(history_index(system)),
                webhook_stores_on(stores, settings.webhooks, stack).deliveries,
                authentication=authentication,
            )
            proofs = proof_services(proofs_on(stores, history, stack))
            yield as_role("query", {Kind.READ, Kind.PAGE}, reads, proofs, system.services(), known_by(authentication))

    await serve_role(services, "answers reads", settings, announce)


async def serve_artifacts(settings: Settings, announce: Announce) -> None:
    """Pass artifacts until a signal says to stop. Raises AddressTaken, ForeignLog."""
    stores = shared_stores(settings)

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        from query_api.postgresql.read_model import PostgresqlReadModel

        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(writing_system(stores, stopping))
            artifacts, _ = await artifact_services(
                system.log,
                system.progress,
                PostgresqlReadModel(system.connections),
                settings.artifacts,
                stack,
            )
            authentication = await stack.enter_async_context(shared_authentication(settings, system, stopping))
            if authentication is not None:
                authentication.note_access_in(given(system.log))
            yield as_role("artifacts", {Kind.ARTIFACT}, artifacts, system.services(), known_by(authentication))

    await serve_role(services, "passes artifacts", settings, announce)


def as_role(name: str, kinds: set[Kind], *parts: Services) -> Services:
    """What a role serves: of its parts what is of its kinds, and what every process says of itself."""
    whole = together(*parts)
    paths = {(route.method, route.path) for route in whole.routes}
    own = [route for route in server_routes() if (route.method, route.path) not in paths]
    return replace(whole, routes=[*whole.routes, *own], kinds=frozenset({*kinds, Kind.OPERATION}), role=name)


async def serve_role(services: Open, does: str, settings: Settings, announce: Announce) -> None:
    """Serve one role until a signal says to stop."""
    stores = shared_stores(settings)
    artifacts = settings.artifacts
    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(
            reach,
            does=does,
            log=str(stores.event_log),
            read_model=str(stores.read_model),
            artifacts=artifacts.shown if artifacts.serve else None,
        ),
        announce=announce,
    )


def shared_stores(settings: Settings) -> SharedStores:
    """The stores of a process that shares them; the command line lets no other through."""
    assert isinstance(settings.stores, SharedStores)
    return settings.stores
