"""The search of model versions."""

from typing import Final

from query_api.filter.pages import checked_max_results
from query_api.filter.sql import Sql
from query_api.filter.table_search import SearchedTable, SortKey
from query_api.model_versions.vocabulary import MODEL_VERSIONS
from query_api.port import ReadModel
from query_api.registered_models.registry_search import RegistrySearch
from query_api.registered_models.seen import seen_versions
from schemas.documents.model_versions import MODEL_VERSION_IN_LIST
from schemas.messages.model_versions import SearchModelVersions

MAX_RESULTS: Final = 200_000

_SEARCH: Final = RegistrySearch(
    results="model_versions",
    vocabulary=MODEL_VERSIONS,
    document=MODEL_VERSION_IN_LIST,
    table=SearchedTable("model_versions v", key=("v.version_id",)),
    tags="model_version_tags",
    owner="version_id",
    columns={
        "name": SortKey(Sql("v.name"), str),
        "version_number": SortKey(Sql("v.version"), int),
        "run_id": SortKey(Sql("v.run_id"), str),
        "source_path": SortKey(Sql("v.source"), str),
        "creation_timestamp": SortKey(Sql("v.creation_timestamp_ms"), int),
        "last_updated_timestamp": SortKey(Sql("v.last_updated_timestamp_ms"), int),
    },
    indexed=frozenset({"name", "run_id"}),
    first=(("last_updated_timestamp", True),),
    ties=(("name", False), ("version_number", True)),
    walked=frozenset({"last_updated_timestamp"}),
    seen=seen_versions,
    marker_is_own=False,
    finds_by_tag=True,
)


async def search_model_versions(read_model: ReadModel, message: SearchModelVersions) -> bytes:
    """`{"model_versions": […], "next_page_token"}`, the newest change first unless asked otherwise.

    Raises InvalidParameterValue.
    """
    asked = MAX_RESULTS if message.max_results is None else message.max_results
    max_results = checked_max_results(asked, most=MAX_RESULTS)
    return await _SEARCH.page(read_model, message.filter, message.order_by, message.page_token, max_results)
