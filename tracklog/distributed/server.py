"""All roles on shared stores in one process tree: one process that serves every route, with a projector child."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Final

from read_model.postgresql_progress import PostgresqlProgress
from tracklog.background import in_background
from tracklog.distributed.availability import once_available
from tracklog.distributed.child_messages import ChildStores
from tracklog.distributed.child_supervision import SupervisedProjector
from tracklog.distributed.roles import shared_stores
from tracklog.distributed.shared_authentication import shared_authentication
from tracklog.distributed.shared_forgetting import forgetting_of
from tracklog.distributed.shared_proving import proofs_on
from tracklog.distributed.shared_system import history_index, history_reader, writing_system
from tracklog.distributed.shared_webhook_stores import webhook_stores_on
from tracklog.sending.sender_messages import ChildSettings
from tracklog.sending.supervised_sender import SupervisedSender, has_webhooks
from tracklog.serving.greeting import greeting
from tracklog.serving.process import serve
from tracklog.serving.proof_services import proof_services
from tracklog.serving.role_services import artifact_services, known_by, read_services, together, write_services
from tracklog.serving.services import Services
from tracklog.settings.process import Settings
from tracklog.webhooks.account import needs_of

FIRST_READ_MODEL_S: Final = 20.0


async def serve_shared(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until a signal says to stop. Other servers and roles may share the stores.

    Raises AddressTaken, ForeignLog.
    """
    stores = shared_stores(settings)
    artifacts = settings.artifacts

    @asynccontextmanager
    async def services(stopping: asyncio.Event) -> AsyncIterator[Services]:
        from ingest.admission.postgresql_lookups import PostgresqlLookups
        from query_api.postgresql.read_model import PostgresqlReadModel

        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(writing_system(stores, stopping))
            history = await stack.enter_async_context(history_reader(stores, stopping))
            log, progress = system.log, system.progress
            reached = lambda: dict(progress.report().checkpoint)  # noqa: E731
            projector = SupervisedProjector(stores, reached, proof=settings.proof)
            stack.push_async_callback(_cancelled, asyncio.create_task(projector.keep_running()))
            await _first_read_model(progress, stopping)
            read_model = PostgresqlReadModel(system.connections)
            lookups = PostgresqlLookups(system.connections)
            sender = SupervisedSender(
                "tracklog.distributed.sender_child",
                ChildSettings.of(asdict(ChildStores.of(stores)), settings.webhooks),
                partial(has_webhooks, read_model),
            )
            await stack.enter_async_context(in_background(sender.keep_running()))
            webhook_stores = webhook_stores_on(stores, settings.webhooks, stack)
            authentication = await stack.enter_async_context(shared_authentication(settings, system, stopping))
            index = await stack.enter_async_context(history_index(system))
            writes = await write_services(
                log,
                progress,
                lookups,
                artifacts,
                shared=True,
                authentication=authentication,
                webhooks=needs_of(webhook_stores),
                forgetting=await forgetting_of(stores, log, stack),
                stack=stack,
                index=index,
            )
            passing, list_artifacts = await artifact_services(log, progress, read_model, artifacts, stack)
            yield together(
                writes,
                read_services(
                    log,
                    history,
                    progress,
                    read_model,
                    index,
                    webhook_stores.deliveries,
                    list_artifacts,
                    authentication=authentication,
                ),
                known_by(authentication),
                passing,
                proof_services(proofs_on(stores, history, stack)),
                system.services(),
                Services(routes=(), metrics=[sender.measured], needs={"projector": projector.check}),
            )

    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(
            reach,
            log=str(stores.event_log),
            read_model=str(stores.read_model),
            artifacts=artifacts.shown if artifacts.serve else None,
            page=True,
        ),
        announce=announce,
    )


async def _first_read_model(progress: PostgresqlProgress, stopping: asyncio.Event) -> None:
    """Wait a while for the projector child, which makes the read model where there is none.

    Clients of a new server would else be answered 503 before they did anything. Where it takes longer, as to fold a
    long log anew, they are.
    """

    async def is_there() -> None:
        progress.require_listening()

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_READ_MODEL_S):
            await once_available(is_there, stopping, pause_s=0.05)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
