"""The services of an embedded server, built on its log and read model."""

from contextlib import AsyncExitStack

from artifact_proxy.routes import artifact_routes
from ingest.routes import ingest_routes
from ingest.service import IngestService
from ingest.sqlite_door_state import SqliteDoorState
from query_api.freshness import Freshness
from query_api.routes import query_routes
from query_api.search.sqlite_text_match import register_functions
from query_api.service import QueryService
from query_api.sqlite_read_model import SqliteReadModel
from schemas.envelope import EventClock
from schemas.read_model_link import link_of
from schemas.rest.route import Route
from tracklog.embedded.artifacts import artifact_proxy
from tracklog.embedded.system import EmbeddedSystem
from tracklog.page import page_routes
from tracklog.page_fetch import default_page_folder
from tracklog.settings import Settings


async def tracking_routes(settings: Settings, system: EmbeddedSystem, stack: AsyncExitStack) -> list[Route]:
    """The routes of all services, which are ready; what they hold is let go of when `stack` is left."""
    link = link_of(system.log_path)
    door_state = SqliteDoorState(link)
    stack.callback(door_state.close)
    read_model = SqliteReadModel(link, register_functions)
    stack.push_async_callback(read_model.close)
    ingest = IngestService(system.log, system.progress, door_state, settings.default_artifact_root, EventClock())
    freshness = Freshness(system.log, system.progress)
    queries = QueryService(read_model)
    await ingest.ensure_default_experiment()
    return [
        *ingest_routes(ingest),
        *query_routes(queries, freshness, system.log),
        *artifact_routes(await artifact_proxy(settings, read_model, freshness, stack)),
        *page_routes(default_page_folder()),
    ]
