"""What is answered of issues, on both databases."""

from typing import Any

import orjson
import pytest

from query_api.issues.answers import get_issue, search_issues
from query_api.seen import seen_by
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.issues import GetIssue, SearchIssues
from schemas.sight import Scope, Sight
from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def with_issues(rows: SqliteRows) -> SqliteRows:
    rows.experiment(2, name="two")
    for number, (experiment_id, status, severity, rank, run_id) in enumerate(
        [
            (1, "pending", "low", 1, "r1"),
            (1, "resolved", "high", 3, None),
            (1, "pending", None, -1, "r2"),
            (2, "pending", "high", 3, "r1"),
            (1, "pending", "low", 1, None),
        ]
    ):
        rows.connection.execute(
            "INSERT INTO issues VALUES (?, ?, 'n', 'd', ?, ?, ?, NULL, '[\"c\"]', ?, NULL, ?, 9)",
            (f"iss-{number}", experiment_id, status, severity, rank, run_id, number),
        )
    return rows


async def search(rows: Any, **given: Any) -> list[str]:
    answer = orjson.loads(await search_issues(rows, SearchIssues(**given)))
    assert answer["next_page_token"] == ""
    return [one["issue_id"] for one in answer.get("issues", [])]


async def test_the_worst_and_the_newest_come_first_in_pages(with_issues: SqliteRows) -> None:
    everything = ["iss-1", "iss-4", "iss-0", "iss-2"]
    assert await search(with_issues, experiment_id="1") == everything
    found: list[str] = []
    token = ""
    while token or not found:
        wanted = SearchIssues(experiment_id="1", max_results=3, page_token=token, include_trace_count=True)
        page = orjson.loads(await search_issues(with_issues, wanted))
        found += [one["issue_id"] for one in page["issues"] if one["trace_count"] == 0]
        token = page["next_page_token"]
    assert found == everything
    assert await search_issues(with_issues, SearchIssues(experiment_id="9")) == b'{"next_page_token":""}'


async def test_a_filter_finds_by_status_and_run(with_issues: SqliteRows) -> None:
    assert await search(with_issues, filter_string="status = 'resolved'") == ["iss-1"]
    assert await search(with_issues, filter_string="status != 'resolved' AND source_run_id = 'r1'") == [
        "iss-3",
        "iss-0",
    ]
    for wrong in ("name = 'n'", "status LIKE 'p%'", "status = 1"):
        with pytest.raises(InvalidParameterValue):
            await search(with_issues, filter_string=wrong)


async def test_issues_are_seen_where_their_experiments_are(with_issues: SqliteRows) -> None:
    with_issues.connection.execute(
        "INSERT INTO grants (role_id, resource_type, resource_pattern, level) VALUES (5, 'experiment', '2', 2)"
    )
    sight = Sight(1, (5,), {"experiment": Scope.GRANTED})
    assert await search(seen_by(with_issues, sight)) == ["iss-3"]


async def test_one_is_answered_as_mlflow_does(with_issues: SqliteRows) -> None:
    assert await get_issue(with_issues, GetIssue(issue_id="iss-0")) == (
        b'{"issue":{"issue_id":"iss-0","experiment_id":"1","name":"n","description":"d","status":"pending",'
        b'"severity":"low","source_run_id":"r1","created_timestamp":0,"last_updated_timestamp":9,"categories":["c"]}}'
    )
    with pytest.raises(ResourceDoesNotExist, match="Issue with ID 'iss-9' not found"):
        await get_issue(with_issues, GetIssue(issue_id="iss-9"))
