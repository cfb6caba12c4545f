"""The search of logged models: a request to a page of JSON."""

from collections.abc import Sequence
from typing import Final

from query_api.dialect import Dialect
from query_api.experiments.seen import seen_among
from query_api.filter.conditions import Condition, OrderTerm, check_filter, check_order
from query_api.filter.pages import fingerprint, page_body, page_of, sort_values
from query_api.filter.sql import Sql, joined
from query_api.filter.syntax import Identifier, Ordering, parse_long_filter
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.filter.value_test import is_one_of, value_test
from query_api.filter.vocabulary import Entity
from query_api.logged_models.vocabulary import LOGGED_MODELS
from query_api.port import ReadModel
from schemas.documents.logged_models import LOGGED_MODEL
from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import experiment_id_of
from schemas.messages.logged_models import LoggedModelsDataset, LoggedModelsOrderBy, SearchLoggedModels
from schemas.rest.access import LOGGED_MODEL as LOGGED_MODEL_TYPE

DEFAULT_RESULTS: Final = 50
RESULTS_FOR_ZERO: Final = 100
MAX_RESULTS: Final = 50_000
"""MLflow knows no limit; a page beyond this ends with a token instead of growing without bound."""

MAX_ORDER_TERMS: Final = 20
MAX_DATASETS: Final = 100
"""Each is a test of its own in the statement."""

_TABLE: Final = SearchedTable("logged_models m", key=("m.model_id",))
_COLUMNS: Final = {
    "name": SortKey(Sql("m.name"), str),
    "model_id": SortKey(Sql("m.model_id"), str),
    "model_type": SortKey(Sql("m.model_type"), str),
    "source_run_id": SortKey(Sql("m.source_run_id"), str),
    "artifact_location": SortKey(Sql("m.artifact_location"), str),
    "lifecycle_stage": SortKey(Sql("'active'"), str),  # a deleted model is not found at all
    "status": SortKey(Sql("m.status"), int),
    "experiment_id": SortKey(Sql("m.experiment_id"), int),
    "creation_timestamp_ms": SortKey(Sql("m.creation_timestamp_ms"), int),
    "last_updated_timestamp_ms": SortKey(Sql("m.last_updated_timestamp_ms"), int),
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
    order = _order(message.order_by, datasets)
    identity = fingerprint("logged models", experiment_ids, message.filter, message.datasets, message.order_by)
    place = sort_values(message.page_token, identity, [key.kind for key in order])
    experiment_ids = await seen_among(read_model, experiment_ids, LOGGED_MODEL_TYPE)
    if not experiment_ids:
        return b"{}"
    dialect = read_model.dialect
    in_experiments = is_one_of(dialect, "m.experiment_id", experiment_ids)
    where = [in_experiments, Sql("m.lifecycle_stage = 'active'"), *_tests(dialect, conditions, datasets)]
    document = dialect.documents.as_bytes(LOGGED_MODEL)
    rows = await find_page(read_model, _TABLE, document, where, order, place, max_results + 1)
    return page_body("models", page_of(rows, max_results), identity)


def _checked_max_results(max_results: int | None) -> int:
    if max_results is None:
        return DEFAULT_RESULTS
    if max_results < 0:
        raise InvalidParameterValue(
            f"Invalid value {max_results} for parameter 'max_results': it must not be negative."
        )
    return min(max_results, MAX_RESULTS) or RESULTS_FOR_ZERO


def _tests(dialect: Dialect, conditions: Sequence[Condition], on_dataset: Sql | None) -> list[Sql]:
    """The conditions; one on a metric must hold for its latest value, on one of the datasets if there are any.

    Without such a condition, the model needs some value on one of them.
    """
    tests = [_test(dialect, condition, on_dataset) for condition in conditions]
    if on_dataset is not None and all(condition.entity is not Entity.METRIC for condition in conditions):
        tests.append(
            Sql(
                f"EXISTS (SELECT 1 FROM logged_model_metrics WHERE model_id = m.model_id AND {on_dataset.text})",
                on_dataset.parameters,
            )
        )
    return tests


def _test(dialect: Dialect, condition: Condition, on_dataset: Sql | None) -> Sql:
    match condition.entity:
        case Entity.METRIC:
            latest = _latest(condition.name, [] if on_dataset is None else [on_dataset])
            test = value_test(dialect, condition, latest.text)
            return Sql(test.text, latest.parameters + test.parameters)
        case Entity.PARAM:
            return _with_key(dialect, "logged_model_params", condition)
        case Entity.TAG:
            return _with_key(dialect, "logged_model_tags", condition)
        case _:
            column = _COLUMNS[condition.name].expression.text
            is_text = condition.name in _COMPARED_AS_TEXT
            return value_test(dialect, condition, f"CAST({column} AS text)" if is_text else column)


def _with_key(dialect: Dialect, table: str, condition: Condition) -> Sql:
    test = value_test(dialect, condition, "value")
    return Sql(
        f"EXISTS (SELECT 1 FROM {table} WHERE model_id = m.model_id AND key = ? AND {test.text})",
        (condition.name, *test.parameters),
    )


def _datasets(datasets: Sequence[LoggedModelsDataset]) -> Sql | None:
    """A test of a metric value: that it was measured on one of the datasets.

    Source: MLflow: a name without a digest stands for values logged without a digest.
    """
    if len(datasets) > MAX_DATASETS:
        raise InvalidParameterValue(f"datasets has {len(datasets)} elements and may have at most {MAX_DATASETS}.")
    if not all(dataset.dataset_name for dataset in datasets):
        raise InvalidParameterValue("Missing value for required parameter 'dataset_name' in 'datasets'.")
    if not datasets:
        return None
    pairs = [text for dataset in datasets for text in (dataset.dataset_name, dataset.dataset_digest)]
    marks = ", ".join("(?, ?)" for _ in datasets)
    return Sql(f"(dataset_name, coalesce(dataset_digest, '')) IN (VALUES {marks})", tuple(pairs))


def _order(order_by: Sequence[LoggedModelsOrderBy], on_dataset: Sql | None) -> list[SortKey]:
    """The newest first unless asked otherwise; a key given again changes nothing.

    Source: MLflow's order of logged models: equal ones by creation_timestamp DESC, then model_id ASC.
    """
    if len(order_by) > MAX_ORDER_TERMS:
        raise InvalidParameterValue(f"order_by has {len(order_by)} keys and may have at most {MAX_ORDER_TERMS}.")
    columns: dict[object, list[SortKey]] = {}
    for element in order_by:
        (term,) = check_order([_ordering(element)], LOGGED_MODELS)
        if term.entity is Entity.METRIC:
            place = (term.name, element.dataset_name, element.dataset_digest)
            columns.setdefault(place, _metric_columns(term, element, on_dataset))
        else:
            columns.setdefault(term.name, [_COLUMNS[term.name].directed(descending=term.descending)])
    columns.setdefault("creation_timestamp_ms", [_COLUMNS["creation_timestamp_ms"].directed(descending=True)])
    columns.setdefault("model_id", [_COLUMNS["model_id"]])
    return [column for several in columns.values() for column in several]


def _ordering(element: LoggedModelsOrderBy) -> Ordering:
    """What a field name says: an attribute, or `metrics.` and all the rest a key, quotes included."""
    entity, dot, key = element.field_name.partition(".")
    identifier = Identifier(entity, key, "`") if dot else Identifier(None, entity, "`")
    return Ordering(identifier, descending=not element.ascending)


def _metric_columns(term: OrderTerm, element: LoggedModelsOrderBy, on_dataset: Sql | None) -> list[SortKey]:
    """The metric's latest value, on the dataset if one is given; models without it come last."""
    tests = [] if on_dataset is None else [on_dataset]
    if element.dataset_name:
        tests.append(Sql("dataset_name = ?", (element.dataset_name,)))
    if element.dataset_digest:
        tests.append(Sql("dataset_digest = ?", (element.dataset_digest,)))
    value, parameters = _latest(term.name, tests)
    return [
        SortKey(Sql(f"CAST({value} IS NULL AS integer)", parameters), int),
        SortKey(Sql(f"coalesce({value}, 0.0)", parameters), float, term.descending),
    ]


def _latest(key: str, tests: Sequence[Sql]) -> Sql:
    """The newest of those points of a model's metric that pass the tests; NULL without any.

    Source: MLflow 3.18: the greatest (step, timestamp, value), as of runs.
    """
    where = joined(" AND ", [Sql("model_id = m.model_id AND key = ?", (key,)), *tests])
    return Sql(
        f"(SELECT value FROM logged_model_metrics WHERE {where.text}"
        " ORDER BY step DESC, timestamp_ms DESC, value DESC LIMIT 1)",
        where.parameters,
    )
