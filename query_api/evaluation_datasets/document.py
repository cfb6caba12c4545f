"""An evaluation dataset, its experiments and its records, as the bodies of their routes."""

from typing import Final

import orjson

from query_api.documents import KeyedDocument
from query_api.filter.pages import MAX_RESULTS, checked_max_results, fingerprint, page_of, page_token, sort_values
from query_api.filter.sql import Sql
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.port import ReadModel
from schemas.documents.evaluation_datasets import DATASET_RECORD, EVALUATION_DATASET
from schemas.messages.evaluation_datasets import (
    EvaluationDatasetMessage,
    GetDatasetRecords,
    evaluation_dataset_not_found,
)

EVALUATION_DATASET_BY_ID: Final = KeyedDocument("dataset", EVALUATION_DATASET, key="dataset_id")

DEFAULT_RECORDS: Final = 1000

_RECORDS: Final = SearchedTable("evaluation_dataset_records r", key=("r.dataset_id", "r.record_id"))
_OLDEST_FIRST: Final = (SortKey(Sql("r.created_time_ms"), int), SortKey(Sql("r.record_id"), str))


async def get_evaluation_dataset(read_model: ReadModel, wanted: EvaluationDatasetMessage) -> bytes:
    """`{"dataset": …}`. Raises ResourceDoesNotExist."""
    found = await read_model.document(EVALUATION_DATASET_BY_ID, wanted.dataset_id)
    if found is None:
        raise evaluation_dataset_not_found(wanted.dataset_id)
    return found


async def get_experiment_ids(read_model: ReadModel, wanted: EvaluationDatasetMessage) -> bytes:
    """`{"experiment_ids": […]}`, `{}` of a dataset for none, or that there is not."""
    statement = read_model.dialect.statement(
        "SELECT experiment_id FROM evaluation_dataset_experiments WHERE dataset_id = $1 ORDER BY experiment_id"
    )
    rows = await read_model.fetch(statement, (wanted.dataset_id,))
    return orjson.dumps({"experiment_ids": [str(row[0]) for row in rows]}) if rows else b"{}"


async def get_records(read_model: ReadModel, wanted: GetDatasetRecords) -> bytes:
    """`{"records": "[…]", "next_page_token"}`: the JSON of a page in a text, oldest first; `"[]"` without any.

    Raises InvalidParameterValue.
    """
    limit = checked_max_results(wanted.max_results or DEFAULT_RECORDS, most=MAX_RESULTS)
    identity = fingerprint("records", wanted.dataset_id)
    place = sort_values(wanted.page_token, identity, [key.kind for key in _OLDEST_FIRST])
    document = read_model.dialect.documents.as_bytes(DATASET_RECORD)
    of_dataset = Sql("r.dataset_id = ?", (wanted.dataset_id,))
    rows = await find_page(read_model, _RECORDS, document, [of_dataset], _OLDEST_FIRST, place, limit + 1)
    page = page_of(rows, limit)
    answer = {"records": f"[{page.documents.decode()}]"}
    if page.last is not None:
        answer["next_page_token"] = page_token(identity, page.last)
    return orjson.dumps(answer)
