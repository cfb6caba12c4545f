"""The search of registered models."""

from typing import Final

from query_api.filter.pages import checked_max_results
from query_api.filter.sql import Sql
from query_api.filter.table_search import SearchedTable, SortKey
from query_api.port import ReadModel
from query_api.registered_models.registry_search import RegistrySearch
from query_api.registered_models.seen import seen_models
from query_api.registered_models.vocabulary import REGISTERED_MODELS
from schemas.documents.registered_models import REGISTERED_MODEL
from schemas.messages.registered_models import SearchRegisteredModels

DEFAULT_RESULTS: Final = 100
MAX_RESULTS: Final = 1000

_SEARCH: Final = RegistrySearch(
    results="registered_models",
    vocabulary=REGISTERED_MODELS,
    document=REGISTERED_MODEL,
    table=SearchedTable("registered_models m", key=("m.registered_model_id",)),
    tags="registered_model_tags",
    owner="registered_model_id",
    columns={
        "name": SortKey(Sql("m.name"), str),
        "last_updated_timestamp": SortKey(Sql("m.last_updated_timestamp_ms"), int),
    },
    indexed=frozenset({"name"}),
    first=(),
    ties=(("name", False),),
    walked=frozenset({"name", "last_updated_timestamp"}),
    seen=seen_models,
    marker_is_own=True,
)


async def search_registered_models(read_model: ReadModel, message: SearchRegisteredModels) -> bytes:
    """`{"registered_models": […], "next_page_token"}`, by name unless asked otherwise. Raises InvalidParameterValue."""
    asked = DEFAULT_RESULTS if message.max_results is None else message.max_results
    max_results = checked_max_results(asked, least=0, most=MAX_RESULTS)
    return await _SEARCH.page(read_model, message.filter, message.order_by, message.page_token, max_results)
