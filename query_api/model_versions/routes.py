"""The read routes of the versions of registered models."""

from query_api.model_versions.document import get_download_uri, get_model_version
from query_api.model_versions.search import search_model_versions
from query_api.past.about import REGISTERED_MODEL
from query_api.reads import Reads
from query_api.registered_models.routes import units_of
from schemas.messages.model_versions import GetModelVersion, GetModelVersionDownloadUri, SearchModelVersions
from schemas.rest.route import Permission, Route
from schemas.rest.rules import READ_VERSION


def model_version_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        reads.route(
            "GET",
            "model-versions/get",
            GetModelVersion,
            get_model_version,
            READ_VERSION,
            units_of,
            about=REGISTERED_MODEL,
        ),
        reads.route(
            "GET", "model-versions/search", SearchModelVersions, search_model_versions, Permission.SEEN, units_of
        ),
        reads.route(
            "GET",
            "model-versions/get-download-uri",
            GetModelVersionDownloadUri,
            get_download_uri,
            READ_VERSION,
            units_of,
            about=REGISTERED_MODEL,
        ),
    )
