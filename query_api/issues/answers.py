"""What is answered of issues."""

from collections.abc import Sequence
from typing import Final

from query_api.documents import KeyedDocument
from query_api.experiments.seen import seen_experiments
from query_api.filter import values
from query_api.filter.conditions import check_filter
from query_api.filter.pages import always_token_body, checked_max_results, fingerprint, page_of, sort_values
from query_api.filter.sql import Sql
from query_api.filter.syntax import parse_long_filter
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.filter.value_test import is_one_of, value_test
from query_api.filter.vocabulary import EQUALITY, Vocabulary, attributes
from query_api.port import FirstRows, ReadModel
from query_api.seen import sight_of
from schemas.documents.issues import ISSUE
from schemas.messages.experiments import experiment_id_of
from schemas.messages.issues import GetIssue, SearchIssues, issue_not_found

ISSUE_BY_ID: Final = KeyedDocument("issue", ISSUE, key="issue_id")

DEFAULT_RESULTS: Final = 1000

_TABLE: Final = SearchedTable("issues i", key=("i.issue_id",))
_VOCABULARY: Final = Vocabulary(
    filterable={None: attributes(values.text, EQUALITY, "status", "source_run_id")},
    orderable={},
    is_comparator_case_sensitive=True,
)
_WORST_AND_NEWEST_FIRST: Final = (
    SortKey(Sql("i.severity_rank"), int, descending=True),
    SortKey(Sql("i.created_timestamp_ms"), int, descending=True),
    SortKey(Sql("i.issue_id"), str, descending=True),
)


async def get_issue(read_model: ReadModel, wanted: GetIssue) -> bytes:
    """`{"issue": …}`. Raises ResourceDoesNotExist."""
    found = await read_model.document(ISSUE_BY_ID, wanted.issue_id)
    if found is None:
        raise issue_not_found(wanted.issue_id)
    return found


async def search_issues(read_model: ReadModel, message: SearchIssues) -> bytes:
    """`{"issues": […], "next_page_token"}`, the worst first, then the newest; the token is empty on the last page.

    Raises InvalidParameterValue.
    """
    max_results = checked_max_results(message.max_results or DEFAULT_RESULTS)
    dialect = read_model.dialect
    conditions = check_filter(await parse_long_filter(message.filter_string), _VOCABULARY)
    where = [value_test(dialect, condition, f"i.{condition.name}") for condition in conditions]
    if message.experiment_id:
        where.append(Sql("i.experiment_id = ?", (experiment_id_of(message.experiment_id),)))
    sight = sight_of(read_model)
    if sight is not None:
        seen = seen_experiments(dialect, sight)
        experiments = f"SELECT e.experiment_id FROM experiments e WHERE {seen.text}"
        where.append(Sql(f"i.experiment_id IN ({experiments})", seen.parameters))
    identity = fingerprint("issues", message.experiment_id, message.filter_string)
    place = sort_values(message.page_token, identity, [key.kind for key in _WORST_AND_NEWEST_FIRST])
    document = dialect.documents.as_bytes(ISSUE)
    rows = await find_page(read_model, _TABLE, document, where, _WORST_AND_NEWEST_FIRST, place, max_results + 1)
    if message.include_trace_count:
        rows = await _with_trace_counts(read_model, rows)
    return always_token_body("issues", page_of(rows, max_results), identity)


async def _with_trace_counts(read_model: ReadModel, found: FirstRows) -> FirstRows:
    """The same rows, whose JSON has one member more."""
    counts = await _trace_counts(read_model, [row[-1] for row in found.rows])
    return found._replace(
        rows=[(b'%b,"trace_count":%d}' % (row[0][:-1], counts.get(row[-1], 0)), *row[1:]) for row in found.rows]
    )


async def _trace_counts(read_model: ReadModel, issue_ids: Sequence[str]) -> dict[str, int]:
    """How many traces have an assessment that names an issue, of those that any has."""
    if not issue_ids:
        return {}
    named = is_one_of(read_model.dialect, "name", issue_ids)
    statement = Sql(
        "SELECT name, count(DISTINCT trace_number) FROM assessments"
        f" WHERE kind = 'issue' AND {named.text} GROUP BY name",
        named.parameters,
    )
    return {row[0]: row[1] for row in await read_model.fetch(*read_model.dialect.assembled(statement))}
