"""The experiment search: a request to a page of JSON."""

from collections.abc import Sequence
from typing import Final

from query_api.dialect import Dialect
from query_api.experiments.seen import seen_experiments
from query_api.experiments.vocabulary import EXPERIMENTS
from query_api.filter.conditions import Condition, check_filter, check_order
from query_api.filter.pages import checked_max_results, fingerprint, page_body, page_of, sort_values
from query_api.filter.sql import Sql
from query_api.filter.syntax import parse_long_filter, parse_order
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.filter.value_test import value_test
from query_api.filter.view_types import lifecycle_stage_of
from query_api.filter.vocabulary import Comparator, Entity
from query_api.port import ReadModel
from query_api.seen import sight_of
from schemas.documents.experiments import EXPERIMENT
from schemas.messages.experiments import SearchExperiments

_TABLE: Final = SearchedTable("experiments e", key=("e.experiment_id",))
_ID: Final = "experiment_id"
_COLUMNS: Final = {
    "name": SortKey(Sql("e.name"), str),
    _ID: SortKey(Sql("e.experiment_id"), int),
    "creation_time": SortKey(Sql("e.creation_time_ms"), int),
    "last_update_time": SortKey(Sql("e.last_update_time_ms"), int),
}


async def search_experiments(read_model: ReadModel, message: SearchExperiments) -> bytes:
    """`{"experiments": […], "next_page_token"}`, the token only when there are more; `{}` without any.

    Raises InvalidParameterValue.
    """
    max_results = checked_max_results(message.max_results)
    stage = lifecycle_stage_of(message.view_type)
    dialect = read_model.dialect
    conditions = check_filter(await parse_long_filter(message.filter), EXPERIMENTS)
    where = [_test(dialect, condition) for condition in conditions]
    if stage is not None:
        where.append(Sql("e.lifecycle_stage = ?", (stage,)))
    sight = sight_of(read_model)
    if sight is not None:
        where.append(seen_experiments(dialect, sight))
    order = _order(message.order_by)
    identity = fingerprint("experiments", message.filter, message.order_by, stage)
    place = sort_values(message.page_token, identity, [key.kind for key in order])
    document = dialect.documents.as_bytes(EXPERIMENT)
    rows = await find_page(read_model, _TABLE, document, where, order, place, max_results + 1)
    return page_body("experiments", page_of(rows, max_results), identity)


def _test(dialect: Dialect, condition: Condition) -> Sql:
    if condition.entity is Entity.ATTRIBUTE:
        return value_test(dialect, condition, _COLUMNS[condition.name].expression.text)
    test = value_test(dialect, condition, "value")
    negation = "NOT " if condition.comparator is Comparator.IS_NULL else ""
    return Sql(
        f"{negation}EXISTS (SELECT 1 FROM experiment_tags WHERE experiment_id = e.experiment_id AND key = ?"
        f" AND {test.text})",
        (condition.name, *test.parameters),
    )


def _order(order_by: Sequence[str]) -> list[SortKey]:
    """The newest first unless asked otherwise; a key given again changes nothing.

    Source: MLflow's order of experiments: equal ones by experiment_id DESC, but ASC in the default order.
    """
    directions: dict[str, bool] = {}
    for term in check_order([parse_order(text) for text in order_by], EXPERIMENTS):
        directions.setdefault(term.name, term.descending)
    if not directions:
        directions = {"creation_time": True, _ID: False}
    directions.setdefault(_ID, True)
    return [_COLUMNS[name].directed(descending=descending) for name, descending in directions.items()]
