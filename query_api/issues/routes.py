"""The read routes of issues."""

from collections.abc import Iterable
from typing import Final

from query_api.issues.answers import get_issue, search_issues
from query_api.reads import Reads
from schemas.events.issues import ISSUES
from schemas.levels import Level
from schemas.messages.issues import GetIssue, SearchIssues
from schemas.rest.access import ISSUE, On, Rule
from schemas.rest.route import V3, Permission, Route

_READ: Final[Rule] = (On(Level.READ, ISSUE, "issue_id"),)


def issue_routes(reads: Reads) -> tuple[Route, ...]:
    return (
        reads.route("GET", "issues/{issue_id}", GetIssue, get_issue, _READ, _unit, prefixes=V3),
        reads.route("POST", "issues/search", SearchIssues, search_issues, Permission.SEEN, prefixes=V3),
    )


def _unit(wanted: GetIssue) -> Iterable[str]:
    return (ISSUES.ordering_unit(wanted.issue_id),)
