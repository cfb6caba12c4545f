"""The read routes of registered models."""

from collections.abc import Iterable

from query_api.past.about import REGISTERED_MODEL
from query_api.reads import Reads
from query_api.registered_models.document import (
    get_latest_versions,
    get_model_version_by_alias,
    get_registered_model,
)
from query_api.registered_models.search import search_registered_models
from schemas.events import REGISTERED_MODELS_ORDERING_UNIT
from schemas.messages.message import Message
from schemas.messages.registered_models import (
    GetLatestVersions,
    GetModelVersionByAlias,
    GetRegisteredModel,
    SearchRegisteredModels,
)
from schemas.rest.route import Permission, Route
from schemas.rest.rules import READ_MODEL, READ_VERSION


def registered_model_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        reads.route(
            "GET",
            "registered-models/get",
            GetRegisteredModel,
            get_registered_model,
            READ_MODEL,
            units_of,
            about=REGISTERED_MODEL,
        ),
        reads.route(
            "GET",
            "registered-models/search",
            SearchRegisteredModels,
            search_registered_models,
            Permission.SEEN,
            units_of,
        ),
        reads.route(
            "GET",
            "registered-models/alias",
            GetModelVersionByAlias,
            get_model_version_by_alias,
            READ_VERSION,
            units_of,
            about=REGISTERED_MODEL,
        ),
        reads.route(
            "GET",
            "registered-models/get-latest-versions",
            GetLatestVersions,
            get_latest_versions,
            READ_VERSION,
            units_of,
            about=REGISTERED_MODEL,
        ),
        reads.route(
            "POST",
            "registered-models/get-latest-versions",
            GetLatestVersions,
            get_latest_versions,
            READ_VERSION,
            units_of,
            about=REGISTERED_MODEL,
        ),
    )


def units_of(_wanted: Message) -> Iterable[str]:
    """The ordering unit of every registered model, and so of its versions."""
    return (REGISTERED_MODELS_ORDERING_UNIT,)
