"""The read routes of the tracking API, a line an aggregate."""

import time

from event_log.port import EventLogReader
from query_api.datasets.routes import dataset_routes
from query_api.evaluation_datasets.routes import evaluation_dataset_routes
from query_api.events.routes import event_routes
from query_api.experiments.routes import experiment_routes
from query_api.frames.routes import frame_routes
from query_api.freshness import Freshness
from query_api.graphql.routes import graphql_routes
from query_api.history.routes import history_routes
from query_api.history_page.routes import history_page_routes
from query_api.issues.routes import issue_routes
from query_api.label_schemas.routes import label_schema_routes
from query_api.logged_models.routes import logged_model_routes
from query_api.metrics.intervals import MetricIntervals
from query_api.metrics.routes import metric_routes
from query_api.model_versions.routes import model_version_routes
from query_api.past.diff import diff_routes
from query_api.past.past import Past
from query_api.past.port import PastReadModels
from query_api.port import ListArtifactsOfRun, ReadModel
from query_api.reads import Reads
from query_api.registered_models.routes import registered_model_routes
from query_api.review_queues.routes import review_queue_routes
from query_api.rights.routes import right_routes
from query_api.runs.routes import run_routes
from query_api.scorers.routes import scorer_routes
from query_api.server_routes import server_routes
from query_api.traces.routes import trace_routes
from query_api.users.routes import user_routes
from query_api.webhooks.port import Deliveries
from query_api.webhooks.routes import webhook_routes
from read_model.history.port import HistoryIndex
from schemas.levels import Level
from schemas.rest.route import Route


def query_routes(
    read_model: ReadModel,
    freshness: Freshness,
    log: EventLogReader,
    history: HistoryIndex | None,
    deliveries: Deliveries,
    list_artifacts: ListArtifactsOfRun | None = None,
    *,
    with_users: bool = False,
    default_level: Level = Level.NO_PERMISSIONS,
    past: PastReadModels | None = None,
) -> tuple[Route, ...]:
    """Every route that reads what was tracked, the history of events in `log`, and what the server says of itself.

    `history` is the index of the log; without one only the log itself is read.
    `deliveries` are those of webhooks.
    `with_users`: users are known, and can be asked for; `default_level` is what all of them hold on everything.
    `past`: single things are answered as of moments that are past.
    """
    reads = Reads(read_model, freshness, None if past is None else Past(log, read_model, freshness, past, now_us))
    intervals = MetricIntervals()
    return (
        *experiment_routes(reads),
        *run_routes(reads),
        *metric_routes(reads, intervals),
        *logged_model_routes(reads),
        *dataset_routes(reads),
        *trace_routes(reads),
        *registered_model_routes(reads),
        *model_version_routes(reads),
        *evaluation_dataset_routes(reads),
        *issue_routes(reads),
        *label_schema_routes(reads),
        *review_queue_routes(reads),
        *scorer_routes(reads),
        *webhook_routes(reads, deliveries),
        *frame_routes(log, reads),
        *graphql_routes(reads, intervals, list_artifacts),
        *event_routes(log, reads),
        *diff_routes(reads.past),
        *(() if history is None else history_routes(log, history, reads)),
        *(() if history is None else history_page_routes(log, history, reads)),
        *server_routes(),
        *((*user_routes(reads), *right_routes(reads, default_level)) if with_users else ()),
    )


def now_us() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000
