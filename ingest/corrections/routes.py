"""The route that corrects what was logged to a run."""

from ingest.corrections.commands import CorrectionCommands
from ingest.write_route import tracklog_write
from schemas.messages.corrections import CorrectRun
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_ITS_RUN


def correction_routes(commands: CorrectionCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    handler = command_handler(CorrectRun, commands.correct)
    return (tracklog_write("POST", "runs/{run_id}/corrections", handler, EDIT_ITS_RUN, DATA_LIMITS),)
