"""The routes of the commands about a run itself."""

from typing import Final

from ingest.runs.commands import RunCommands
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun
from schemas.rest.access import RUN, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_RUN, MANAGE_ITS_RUN

_CREATE: Final[Rule] = (On(Level.EDIT, EXPERIMENT, "experiment_id", unless_denied=RUN),)


def run_routes(commands: RunCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    return (
        write_route("POST", "runs/create", command_handler(CreateRun, commands.create), _CREATE, DATA_LIMITS),
        write_route("POST", "runs/update", command_handler(UpdateRun, commands.update), EDIT_RUN),
        write_route("POST", "runs/delete", command_handler(DeleteRun, commands.delete), MANAGE_ITS_RUN),
        write_route("POST", "runs/restore", command_handler(RestoreRun, commands.restore), MANAGE_ITS_RUN),
    )
