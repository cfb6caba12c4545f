"""The services of each role, built on the ports: the same objects whatever adapters are behind them.

Imports wait until a role needs them: a process pays in memory and start-up time for what it does, and no more.
"""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client.core import Metric

from event_log.forgetting import Forgetting
from event_log.port import EventLog, EventLogReader
from ingest.admission.lookups import Lookups
from query_api.port import ListArtifactsOfRun, ReadModel
from read_model.history.port import HistoryIndex
from read_model.progress import ProjectionProgress
from schemas.envelope import RecordedEvent
from schemas.levels import Level
from schemas.rest.route import Route
from tracklog.serving.services import Services
from tracklog.settings.process import ArtifactSettings
from tracklog.settings.store_uris import SettingRefused
from tracklog.web.metrics import WriteCounts, write_metrics

if TYPE_CHECKING:
    from ingest.webhooks.port import WebhookNeeds
    from tracklog.serving.authentication import Authentication
    from tracklog.webhooks.delivery_store import DeliveryStore
    from tracklog.webhooks.stores import OpenedWhenNeeded


async def write_services(
    log: EventLog,
    progress: ProjectionProgress,
    lookups: Lookups,
    artifacts: ArtifactSettings,
    *,
    shared: bool,
    authentication: "Authentication | None" = None,
    webhooks: "WebhookNeeds",
    forgetting: Forgetting,
    stack: AsyncExitStack,
    note_erasure: Callable[[RecordedEvent], None] | None = None,
    index: HistoryIndex | None = None,
) -> Services:
    """What changes tracking data; the log has its default experiment then. `shared`: others write to it too.

    With `authentication` also what changes users, of whom there is one then, or will be soon. `index` finds the events
    of what is to be undone, where the log itself would be slow to.

    Raises LogUnavailable, SettingRefused.
    """
    from ingest.erasures.port import ErasureNeeds
    from ingest.model_versions.source_policy import SourcePolicy
    from ingest.routes import ingest_routes
    from ingest.service import IngestService
    from schemas.envelope import EventClock
    from tracklog.background import in_background
    from tracklog.serving.artifact_folders import StoredArtifactFolders
    from tracklog.serving.indexed_event_finder import IndexedEventFinder
    from tracklog.serving.indexed_streams import stream_reader
    from tracklog.webhooks.stores import given

    counts = WriteCounts()
    try:
        policy = SourcePolicy.from_environment((artifacts.default_root, artifacts.destination), os.environ)
    except ValueError as error:
        raise SettingRefused(str(error)) from error
    ingest = IngestService(
        log,
        progress,
        lookups,
        artifacts.default_root,
        EventClock(),
        shared=shared,
        source_policy=policy,
        credentials=None if authentication is None else authentication.credentials,
        webhooks=webhooks,
        streams=None if index is None else stream_reader(log, index),
        finder=None if index is None else IndexedEventFinder(log, index),
        erasing=ErasureNeeds(forgetting, StoredArtifactFolders(artifacts, stack), note_erasure),
        observer=counts,
    )
    assert ingest.erasures is not None
    await stack.enter_async_context(in_background(ingest.erasures.carry_out_always()))
    await ingest.ensure_default_experiment()
    if authentication is not None and ingest.users is not None:
        await authentication.make_first_admin(ingest.users)
        authentication.make_accounts_by(ingest.users)
        authentication.note_access_in(given(log))

    async def written() -> list[Metric]:
        return write_metrics(counts)

    routes = (*ingest_routes(ingest), *(() if authentication is None else authentication.routes()))
    return Services(routes=routes, metrics=[written])


def read_services(
    log: EventLogReader,
    history: EventLogReader,
    progress: ProjectionProgress,
    read_model: ReadModel,
    index: HistoryIndex,
    deliveries: "OpenedWhenNeeded[DeliveryStore]",
    list_artifacts: ListArtifactsOfRun | None = None,
    *,
    authentication: "Authentication | None" = None,
) -> Services:
    """What answers from the read model, and the page. `history` reads the events that are asked for
    themselves, which `index` finds.

    `deliveries` are those of webhooks.
    `list_artifacts`: where the process passes artifacts, GraphQL lists them. `authentication`: users are known.
    """
    from query_api.freshness import Freshness
    from query_api.routes import query_routes
    from tracklog.page.fetch import default_page_folder
    from tracklog.page.routes import page_routes
    from tracklog.serving.folded_past import FoldedPast
    from tracklog.serving.indexed_streams import stream_reader
    from tracklog.webhooks.seen_deliveries import StoredDeliveries

    freshness = Freshness(log, progress)
    routes = [
        *query_routes(
            *(read_model, freshness, history, index, StoredDeliveries(deliveries), list_artifacts),
            with_users=authentication is not None,
            default_level=Level.NO_PERMISSIONS if authentication is None else authentication.default_level,
            past=FoldedPast(history, stream_reader(history, index), read_model),
        ),
        *page_routes(default_page_folder()),
    ]
    return Services(routes=routes)


async def artifact_services(
    log: EventLog,
    progress: ProjectionProgress,
    read_model: ReadModel,
    artifacts: ArtifactSettings,
    stack: AsyncExitStack,
) -> tuple[Services, ListArtifactsOfRun]:
    """What passes artifacts, and records in the log what changes; its stores are closed when `stack` is left.

    And what lists the artifacts of a run for others in the process.
    """
    from artifact_proxy.http.listing import list_whole
    from artifact_proxy.http.routes import artifact_routes
    from query_api.freshness import Freshness
    from tracklog.serving.artifact_stores import open_artifact_proxy, store_needs

    proxy = await open_artifact_proxy(artifacts, log, read_model, Freshness(log, progress), stack)
    services = Services(routes=artifact_routes(proxy), needs=store_needs(proxy.destination))
    return services, partial(list_whole, proxy)


def known_by(authentication: "Authentication | None") -> Services:
    """The part of a process that knows its users, and what they may do."""
    if authentication is None:
        return Services(routes=())
    return Services(
        routes=(),
        authenticator=authentication.authenticator,
        authorizer=authentication.authorizer,
        browsers=authentication.browsers,
    )


def together(*parts: Services) -> Services:
    """All of it in one process."""
    routes: list[Route] = [route for part in parts for route in part.routes]
    return Services(
        routes=routes,
        metrics=[source for part in parts for source in part.metrics],
        needs={name: check for part in parts for name, check in part.needs.items()},
        notices={name: check for part in parts for name, check in part.notices.items()},
        authenticator=next((part.authenticator for part in parts if part.authenticator is not None), None),
        authorizer=next((part.authorizer for part in parts if part.authorizer is not None), None),
        browsers=next((part.browsers for part in parts if part.browsers is not None), None),
    )
