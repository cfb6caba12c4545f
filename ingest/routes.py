"""The write routes of the tracking API."""

from ingest.corrections.routes import correction_routes
from ingest.erasures.routes import erasure_routes
from ingest.evaluation_datasets.routes import evaluation_dataset_routes
from ingest.experiments.routes import experiment_routes
from ingest.imports.routes import import_routes
from ingest.issues.routes import issue_routes
from ingest.label_schemas.routes import label_schema_routes
from ingest.logged_models.routes import logged_model_routes
from ingest.model_versions.routes import model_version_routes
from ingest.otlp.routes import otlp_routes
from ingest.registered_models.routes import registered_model_routes
from ingest.review_queues.routes import review_queue_routes
from ingest.rights.routes import right_routes
from ingest.run_data.routes import run_data_routes
from ingest.runs.routes import run_routes
from ingest.scorers.routes import scorer_routes
from ingest.service import IngestService
from ingest.traces.routes import trace_routes
from ingest.undo.routes import undo_routes
from ingest.users.routes import user_routes
from ingest.webhooks.routes import webhook_routes
from schemas.rest.route import Route


def ingest_routes(ingest: IngestService) -> tuple[Route, ...]:
    """Every route by which tracking data changes."""
    return (
        *experiment_routes(ingest.experiments),
        *run_routes(ingest.runs),
        *run_data_routes(ingest.run_data),
        *logged_model_routes(ingest.logged_models),
        *trace_routes(ingest.traces),
        *otlp_routes(ingest.otlp),
        *registered_model_routes(ingest.registered_models),
        *model_version_routes(ingest.model_versions),
        *evaluation_dataset_routes(ingest.evaluation_datasets),
        *issue_routes(ingest.issues),
        *label_schema_routes(ingest.label_schemas),
        *review_queue_routes(ingest.review_queues),
        *scorer_routes(ingest.scorers),
        *correction_routes(ingest.corrections),
        *undo_routes(ingest.undo),
        *(() if ingest.erasures is None else erasure_routes(ingest.erasures)),
        *import_routes(ingest.imports),
        *(() if ingest.users is None else user_routes(ingest.users)),
        *(() if ingest.rights is None else right_routes(ingest.rights)),
        *(() if ingest.webhooks is None else webhook_routes(ingest.webhooks)),
    )
