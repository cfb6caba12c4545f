"""The search of evaluation datasets: a request to a page of JSON."""

from collections.abc import Sequence
from typing import Final

from query_api.dialect import Dialect
from query_api.evaluation_datasets.vocabulary import EVALUATION_DATASETS
from query_api.experiments.seen import seen_experiments
from query_api.filter.conditions import Condition, check_filter, check_order
from query_api.filter.pages import checked_max_results, fingerprint, page_body, page_of, sort_values
from query_api.filter.sql import Sql
from query_api.filter.syntax import parse_long_filter, parse_order
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.filter.value_test import is_one_of, value_test
from query_api.filter.vocabulary import Entity
from query_api.port import ReadModel
from query_api.seen import sight_of
from schemas.documents.evaluation_datasets import EVALUATION_DATASET
from schemas.messages.evaluation_datasets import SearchEvaluationDatasets
from schemas.messages.experiments import experiment_id_of

DEFAULT_RESULTS: Final = 1000

_TABLE: Final = SearchedTable("evaluation_datasets d", key=("d.dataset_id",))
_ID: Final = "dataset_id"
_COLUMNS: Final = {
    "name": SortKey(Sql("d.name"), str),
    "created_time": SortKey(Sql("d.created_time_ms"), int),
    "last_update_time": SortKey(Sql("d.last_update_time_ms"), int),
    _ID: SortKey(Sql("d.dataset_id"), str),
}
_COMPARED: Final = {"created_by": "d.created_by", "last_updated_by": "d.last_updated_by"} | {
    name: key.expression.text for name, key in _COLUMNS.items()
}


async def search_evaluation_datasets(read_model: ReadModel, message: SearchEvaluationDatasets) -> bytes:
    """`{"datasets": […], "next_page_token"}`, the token only when there are more; `{}` without any.

    Those of any of the experiments that are named, and of all where none are. Raises InvalidParameterValue.
    """
    max_results = checked_max_results(message.max_results or DEFAULT_RESULTS)
    dialect = read_model.dialect
    conditions = check_filter(await parse_long_filter(message.filter_string), EVALUATION_DATASETS)
    where = [_test(dialect, condition) for condition in conditions]
    if message.experiment_ids:
        named = [experiment_id_of(text) for text in sorted(set(message.experiment_ids))]
        among = is_one_of(dialect, "x.experiment_id", named)
        where.append(
            Sql(
                f"d.dataset_id IN (SELECT x.dataset_id FROM evaluation_dataset_experiments x WHERE {among.text})",
                among.parameters,
            )
        )
    where += _seen(read_model)
    order = _order(message.order_by)
    identity = fingerprint("datasets", message.experiment_ids, message.filter_string, message.order_by)
    place = sort_values(message.page_token, identity, [key.kind for key in order])
    document = dialect.documents.as_bytes(EVALUATION_DATASET)
    rows = await find_page(read_model, _TABLE, document, where, order, place, max_results + 1)
    return page_body("datasets", page_of(rows, max_results), identity)


def _test(dialect: Dialect, condition: Condition) -> Sql:
    if condition.entity is Entity.ATTRIBUTE:
        return value_test(dialect, condition, _COMPARED[condition.name])
    test = value_test(dialect, condition, "value")
    return Sql(
        f"EXISTS (SELECT 1 FROM evaluation_dataset_tags WHERE dataset_id = d.dataset_id AND key = ? AND {test.text})",
        (condition.name, *test.parameters),
    )


def _seen(read_model: ReadModel) -> list[Sql]:
    """The tests of what may be seen: datasets whose experiments, one at least, are all seen."""
    sight = sight_of(read_model)
    if sight is None:
        return []
    seen = seen_experiments(read_model.dialect, sight)
    of_it = "FROM evaluation_dataset_experiments x WHERE x.dataset_id = d.dataset_id"
    return [
        Sql(f"EXISTS (SELECT 1 {of_it})"),
        Sql(
            f"NOT EXISTS (SELECT 1 {of_it} AND NOT EXISTS"
            f" (SELECT 1 FROM experiments e WHERE e.experiment_id = x.experiment_id AND {seen.text}))",
            seen.parameters,
        ),
    ]


def _order(order_by: Sequence[str]) -> list[SortKey]:
    """The newest first unless asked otherwise; a key given again changes nothing."""
    directions: dict[str, bool] = {}
    for term in check_order([parse_order(text) for text in order_by], EVALUATION_DATASETS):
        directions.setdefault(term.name, term.descending)
    if not directions:
        directions = {"created_time": True}
    directions.setdefault(_ID, True)
    return [_COLUMNS[name].directed(descending=descending) for name, descending in directions.items()]
