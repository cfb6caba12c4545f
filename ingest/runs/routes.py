"""The routes of the commands about a run itself."""

from ingest.runs.commands import RunCommands
from ingest.write_route import write_route
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Permission, Route


def run_routes(commands: RunCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    edit, manage = Permission.EDIT, Permission.MANAGE
    return (
        write_route("POST", "runs/create", command_handler(CreateRun, commands.create), edit, DATA_LIMITS),
        write_route("POST", "runs/update", command_handler(UpdateRun, commands.update), edit),
        write_route("POST", "runs/delete", command_handler(DeleteRun, commands.delete), manage),
        write_route("POST", "runs/restore", command_handler(RestoreRun, commands.restore), manage),
    )
