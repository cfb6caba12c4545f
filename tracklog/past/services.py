"""The services of a server of the past: everything that reads, on a read model that does not move any more."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from artifact_proxy.http.listing import list_whole
from artifact_proxy.http.routes import artifact_routes
from event_log.log_until import LogUntil
from event_log.streams import SearchingStreamReader
from query_api.freshness import Freshness
from query_api.routes import query_routes
from query_api.sqlite.read_model import SqliteReadModel
from query_api.webhooks.port import Deliveries, DeliverySeen, WebhookSeen
from read_model.fixed_progress import FixedProgress
from schemas.moments import positions_text
from tracklog.page.fetch import default_page_folder
from tracklog.page.routes import page_routes
from tracklog.past.read_only import changes_something, refused_writes
from tracklog.serving.artifact_stores import open_artifact_proxy
from tracklog.serving.folded_past import FoldedPast
from tracklog.serving.services import Services
from tracklog.settings.process import Settings


async def past_services(settings: Settings, log: LogUntil, read_model_file: Path, stack: AsyncExitStack) -> Services:
    """All that reads from `log`, folded in the file; what it holds is let go of when `stack` is left."""
    end = await log.end()
    read_model = SqliteReadModel(read_model_file)
    stack.push_async_callback(read_model.close)
    freshness = Freshness(log, FixedProgress(end))
    proxy = await open_artifact_proxy(settings.artifacts, None, read_model, freshness, stack)
    reads = (
        *query_routes(
            read_model,
            freshness,
            log,
            None,
            NoDeliveries(),
            partial(list_whole, proxy),
            with_users=settings.web.authentication is not None,
            past=FoldedPast(log, SearchingStreamReader(log), read_model),
        ),
        *page_routes(default_page_folder()),
        *artifact_routes(proxy),
    )
    positions = positions_text(end)

    async def read_model_answers() -> None:
        await read_model.fetch("SELECT count(*) FROM facts")

    return Services(
        routes=[*(route for route in reads if not changes_something(route)), *refused_writes(positions)],
        needs={"read model": read_model_answers},
        position=positions,
    )


class NoDeliveries(Deliveries):
    """What became of deliveries is no part of the log, so nothing is known of how it was."""

    async def webhook(self, webhook_id: str) -> WebhookSeen:
        return WebhookSeen(pending=0, parked=0, set_aside_us=None, reason="")

    async def listed(
        self, webhook_id: str, state: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[DeliverySeen]:
        return ()

    async def delivery(self, webhook_id: str, delivery_id: str) -> DeliverySeen | None:
        return None
