"""The routes of the commands about issues."""

from typing import Final

from ingest.issues.commands import IssueCommands
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.issues import CreateIssue, UpdateIssue
from schemas.rest.access import ISSUE, RUN, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, V3, Route

_CREATE: Final[Rule] = (
    On(Level.EDIT, EXPERIMENT, "experiment_id"),
    On(Level.READ, RUN, "source_run_id", optional=True),
)
_UPDATE: Final[Rule] = (On(Level.EDIT, ISSUE, "issue_id"),)


def issue_routes(commands: IssueCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    create, update = command_handler(CreateIssue, commands.create), command_handler(UpdateIssue, commands.update)
    return (
        write_route("POST", "issues", create, _CREATE, DATA_LIMITS, prefixes=V3),
        write_route("PATCH", "issues/{issue_id}", update, _UPDATE, DATA_LIMITS, prefixes=V3),
    )
