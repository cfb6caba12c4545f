"""The read routes of logged models."""

from query_api.logged_models.document import get_logged_model
from query_api.logged_models.search import search_logged_models
from query_api.past.about import LOGGED_MODEL
from query_api.reads import Reads
from schemas.messages.logged_models import GetLoggedModel, SearchLoggedModels
from schemas.rest.route import Permission, Route
from schemas.rest.rules import READ_LOGGED_MODEL


def logged_model_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        # Runs report a model's metrics, so events of every ordering unit can change the answer.
        reads.route(
            "GET", "logged-models/{model_id}", GetLoggedModel, get_logged_model, READ_LOGGED_MODEL, about=LOGGED_MODEL
        ),
        reads.route("POST", "logged-models/search", SearchLoggedModels, search_logged_models, Permission.SEEN),
    )
