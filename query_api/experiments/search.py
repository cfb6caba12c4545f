"""The experiment search: a request to a page of JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import ColumnElement, exists

from query_api.dialect import Dialect
from query_api.experiments.vocabulary import EXPERIMENTS
from query_api.filter.conditions import Condition, check_filter, check_order
from query_api.filter.pages import checked_max_results, fingerprint, page_body, page_of, sort_values
from query_api.filter.syntax import parse_long_filter, parse_order
from query_api.filter.table_search import SortColumn, find_page, value_test
from query_api.filter.view_types import lifecycle_stage_of
from query_api.filter.vocabulary import Comparator, Entity
from query_api.port import ReadModel
from read_model.tables.experiments import experiment_tags, experiments
from schemas.documents.experiments import EXPERIMENT
from schemas.messages.experiments import SearchExperiments

_e = experiments.alias("e")
_ID: Final = "experiment_id"
_COLUMNS: Final = {
    "name": SortColumn(_e.c.name, str),
    _ID: SortColumn(_e.c.experiment_id, int),
    "creation_time": SortColumn(_e.c.creation_time_ms, int),
    "last_update_time": SortColumn(_e.c.last_update_time_ms, int),
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
        where.append(_e.c.lifecycle_stage == stage)
    order = _order(message.order_by)
    identity = fingerprint("experiments", message.filter, message.order_by, stage)
    place = sort_values(message.page_token, identity, [column.kind for column in order])
    document = dialect.documents.as_bytes(EXPERIMENT)
    rows = await find_page(read_model, _e.c.experiment_id, document, where, order, place, max_results + 1)
    return page_body("experiments", page_of(rows, max_results), identity)


def _test(dialect: Dialect, condition: Condition) -> ColumnElement[bool]:
    if condition.entity is Entity.ATTRIBUTE:
        return value_test(dialect, _COLUMNS[condition.name].expression, condition)
    tag = exists().where(experiment_tags.c.experiment_id == _e.c.experiment_id, experiment_tags.c.key == condition.name)
    if condition.comparator is Comparator.IS_NULL:
        return ~tag
    if condition.comparator is Comparator.IS_NOT_NULL:
        return tag
    return tag.where(value_test(dialect, experiment_tags.c.value, condition))


def _order(order_by: Sequence[str]) -> list[SortColumn]:
    """The newest first unless asked otherwise; a key given again changes nothing.

    Source: MLflow's order of experiments: equal ones by experiment_id DESC, but ASC in the default order.
    """
    directions: dict[str, bool] = {}
    for term in check_order([parse_order(text) for text in order_by], EXPERIMENTS):
        directions.setdefault(term.name, term.descending)
    if not directions:
        directions = {"creation_time": True, _ID: False}
    directions.setdefault(_ID, True)
    return [replace(_COLUMNS[name], descending=descending) for name, descending in directions.items()]
