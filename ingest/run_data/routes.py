"""The routes of the commands about the data of a run."""

from typing import Final

from ingest.run_data.commands import RunDataCommands
from ingest.write_route import write_route
from schemas.levels import Level
from schemas.messages.run_data import DeleteTag, LogBatch, LogInputs, LogMetric, LogModel, LogOutputs, LogParam, SetTag
from schemas.rest.access import LOGGED_MODEL, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_ITS_RUN, EDIT_RUN, edits_run_and_models

_LOG_METRIC: Final[Rule] = (*EDIT_RUN, On(Level.EDIT, LOGGED_MODEL, "model_id", optional=True))


def run_data_routes(commands: RunDataCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    return (
        write_route("POST", "runs/log-metric", command_handler(LogMetric, commands.log_metric), _LOG_METRIC),
        write_route("POST", "runs/log-parameter", command_handler(LogParam, commands.log_param), EDIT_RUN, DATA_LIMITS),
        write_route("POST", "runs/set-tag", command_handler(SetTag, commands.set_tag), EDIT_RUN, DATA_LIMITS),
        write_route("POST", "runs/delete-tag", command_handler(DeleteTag, commands.delete_tag), EDIT_ITS_RUN),
        write_route(
            "POST",
            "runs/log-batch",
            command_handler(LogBatch, commands.log_batch),
            edits_run_and_models("metrics"),
            DATA_LIMITS,
        ),
        write_route(
            "POST",
            "runs/log-inputs",
            command_handler(LogInputs, commands.log_inputs),
            edits_run_and_models("models"),
            DATA_LIMITS,
        ),
        write_route(
            "POST", "runs/outputs", command_handler(LogOutputs, commands.log_outputs), edits_run_and_models("models")
        ),
        write_route("POST", "runs/log-model", command_handler(LogModel, commands.log_model), EDIT_ITS_RUN),
    )
