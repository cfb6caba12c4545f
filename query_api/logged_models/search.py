"""The search of logged models: a request to a page of JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Exists,
    Integer,
    ScalarSelect,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)

from query_api.dialect import Dialect
from query_api.experiments.ids import experiment_id_of
from query_api.filter.conditions import Condition, OrderTerm, check_filter, check_order
from query_api.filter.pages import fingerprint, page_body, page_of, sort_values
from query_api.filter.syntax import Identifier, Ordering, parse_long_filter
from query_api.filter.table_search import SortColumn, find_page, value_test
from query_api.filter.vocabulary import Entity
from query_api.logged_models.vocabulary import LOGGED_MODELS
from query_api.port import ReadModel
from read_model.tables.logged_models import logged_model_metrics, logged_model_params, logged_model_tags, logged_models
from schemas.documents.logged_models import LOGGED_MODEL
from schemas.errors import InvalidParameterValue
from schemas.messages.logged_models import LoggedModelsDataset, LoggedModelsOrderBy, SearchLoggedModels

DEFAULT_RESULTS: Final = 50
RESULTS_FOR_ZERO: Final = 100
MAX_RESULTS: Final = 50_000
"""MLflow knows no limit; a page beyond this ends with a token instead of growing without bound."""

MAX_ORDER_TERMS: Final = 20
MAX_DATASETS: Final = 100
"""Each is a test of its own in the statement."""

_m = logged_models.alias("m")
_metrics = logged_model_metrics
_COLUMNS: Final = {
    "name": SortColumn(_m.c.name, str),
    "model_id": SortColumn(_m.c.model_id, str),
    "model_type": SortColumn(_m.c.model_type, str),
    "source_run_id": SortColumn(_m.c.source_run_id, str),
    "artifact_location": SortColumn(_m.c.artifact_location, str),
    "lifecycle_stage": SortColumn(literal("active"), str),  # a deleted model is not found at all
    "status": SortColumn(_m.c.status, int),
    "experiment_id": SortColumn(_m.c.experiment_id, int),
    "creation_timestamp_ms": SortColumn(_m.c.creation_timestamp_ms, int),
    "last_updated_timestamp_ms": SortColumn(_m.c.last_updated_timestamp_ms, int),
}
_COMPARED_AS_TEXT: Final = frozenset({"experiment_id"})


async def search_logged_models(read_model: ReadModel, message: SearchLoggedModels) -> bytes:
    """`{"models": […], "next_page_token"}`, the token only when there are more; `{}` without any.

    Raises InvalidParameterValue.
    """
    max_results = _checked_max_results(message.max_results)
    experiment_ids = sorted({experiment_id_of(text) for text in message.experiment_ids or ()})
    conditions = check_filter(await parse_long_filter(message.filter), LOGGED_MODELS)
    datasets = _datasets(message.datasets)
    order = _order(message.order_by, () if datasets is None else (datasets,))
    identity = fingerprint("logged models", experiment_ids, message.filter, message.datasets, message.order_by)
    place = sort_values(message.page_token, identity, [column.kind for column in order])
    if not experiment_ids:
        return b"{}"
    is_active = _m.c.lifecycle_stage == "active"
    where = [_m.c.experiment_id.in_(experiment_ids), is_active, *_tests(read_model.dialect, conditions, datasets)]
    document = read_model.dialect.documents.as_bytes(LOGGED_MODEL)
    rows = await find_page(read_model, _m.c.model_id, document, where, order, place, max_results + 1)
    return page_body("models", page_of(rows, max_results), identity)


def _checked_max_results(max_results: int | None) -> int:
    if max_results is None:
        return DEFAULT_RESULTS
    if max_results < 0:
        raise InvalidParameterValue(
            f"Invalid value {max_results} for parameter 'max_results': it must not be negative."
        )
    return min(max_results, MAX_RESULTS) or RESULTS_FOR_ZERO


def _tests(
    dialect: Dialect, conditions: Sequence[Condition], datasets: ColumnElement[bool] | None
) -> list[ColumnElement[bool]]:
    """The conditions; one on a metric must hold for its latest value, on one of the datasets if there are any.

    Without such a condition, the model needs some value on one of them.
    """
    on_dataset = () if datasets is None else (datasets,)
    tests = [_test(dialect, condition, on_dataset) for condition in conditions]
    if on_dataset and all(condition.entity is not Entity.METRIC for condition in conditions):
        tests.append(exists().where(_metrics.c.model_id == _m.c.model_id, *on_dataset))
    return tests


def _test(dialect: Dialect, condition: Condition, on_dataset: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    match condition.entity:
        case Entity.METRIC:
            return value_test(dialect, _latest(condition.name, on_dataset), condition)
        case Entity.PARAM:
            return _with_key(dialect, logged_model_params, condition)
        case Entity.TAG:
            return _with_key(dialect, logged_model_tags, condition)
        case _:
            column = _COLUMNS[condition.name].expression
            return value_test(
                dialect, cast(column, String) if condition.name in _COMPARED_AS_TEXT else column, condition
            )


def _with_key(dialect: Dialect, table: Any, condition: Condition) -> Exists:
    return exists().where(
        table.c.model_id == _m.c.model_id, table.c.key == condition.name, value_test(dialect, table.c.value, condition)
    )


def _datasets(datasets: Sequence[LoggedModelsDataset]) -> ColumnElement[bool] | None:
    """A test of a metric value: that it was measured on one of the datasets.

    Source: MLflow: a name without a digest stands for values logged without a digest.
    """
    if len(datasets) > MAX_DATASETS:
        raise InvalidParameterValue(f"datasets has {len(datasets)} elements and may have at most {MAX_DATASETS}.")
    if not all(dataset.dataset_name for dataset in datasets):
        raise InvalidParameterValue("Missing value for required parameter 'dataset_name' in 'datasets'.")
    tests = [
        and_(
            _metrics.c.dataset_name == dataset.dataset_name,
            func.coalesce(_metrics.c.dataset_digest, "") == dataset.dataset_digest,
        )
        for dataset in datasets
    ]
    return or_(*tests) if tests else None


def _order(order_by: Sequence[LoggedModelsOrderBy], on_dataset: Sequence[ColumnElement[bool]]) -> list[SortColumn]:
    """The newest first unless asked otherwise; a key given again changes nothing.

    Source: MLflow's order of logged models: equal ones by creation_timestamp DESC, then model_id ASC.
    """
    if len(order_by) > MAX_ORDER_TERMS:
        raise InvalidParameterValue(f"order_by has {len(order_by)} keys and may have at most {MAX_ORDER_TERMS}.")
    columns: dict[object, list[SortColumn]] = {}
    for element in order_by:
        (term,) = check_order([_ordering(element)], LOGGED_MODELS)
        if term.entity is Entity.METRIC:
            place = (term.name, element.dataset_name, element.dataset_digest)
            columns.setdefault(place, _metric_columns(term, element, on_dataset))
        else:
            columns.setdefault(term.name, [replace(_COLUMNS[term.name], descending=term.descending)])
    columns.setdefault("creation_timestamp_ms", [replace(_COLUMNS["creation_timestamp_ms"], descending=True)])
    columns.setdefault("model_id", [_COLUMNS["model_id"]])
    return [column for several in columns.values() for column in several]


def _ordering(element: LoggedModelsOrderBy) -> Ordering:
    """What a field name says: an attribute, or `metrics.` and all the rest a key, quotes included."""
    entity, dot, key = element.field_name.partition(".")
    identifier = Identifier(entity, key, "`") if dot else Identifier(None, entity, "`")
    return Ordering(identifier, descending=not element.ascending)


def _metric_columns(
    term: OrderTerm, element: LoggedModelsOrderBy, on_dataset: Sequence[ColumnElement[bool]]
) -> list[SortColumn]:
    """The metric's latest value, on the dataset if one is given; models without it come last."""
    tests = list(on_dataset)
    if element.dataset_name:
        tests.append(_metrics.c.dataset_name == element.dataset_name)
    if element.dataset_digest:
        tests.append(_metrics.c.dataset_digest == element.dataset_digest)
    value = _latest(term.name, tests)
    return [
        SortColumn(cast(value.is_(None), Integer), int),
        SortColumn(func.coalesce(value, 0.0), float, term.descending),
    ]


def _latest(key: str, tests: Sequence[ColumnElement[bool]]) -> ScalarSelect[float]:
    """The newest of those points of a model's metric that pass the tests; NULL without any.

    Source: MLflow 3.18: the greatest (step, timestamp, value), as of runs.
    """
    newest = (_metrics.c.step.desc(), _metrics.c.timestamp_ms.desc(), _metrics.c.value.desc())
    return (
        select(_metrics.c.value)
        .where(_metrics.c.model_id == _m.c.model_id, _metrics.c.key == key, *tests)
        .order_by(*newest)
        .limit(1)
        .scalar_subquery()
    )
