"""The routes of the commands about the data of a run."""

from ingest.run_data.commands import RunDataCommands
from ingest.write_route import write_route
from schemas.messages.run_data import DeleteTag, LogBatch, LogInputs, LogMetric, LogModel, LogOutputs, LogParam, SetTag
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Permission, Route


def run_data_routes(commands: RunDataCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    edit = Permission.EDIT
    return (
        write_route("POST", "runs/log-metric", command_handler(LogMetric, commands.log_metric), edit),
        write_route("POST", "runs/log-parameter", command_handler(LogParam, commands.log_param), edit, DATA_LIMITS),
        write_route("POST", "runs/set-tag", command_handler(SetTag, commands.set_tag), edit, DATA_LIMITS),
        write_route("POST", "runs/delete-tag", command_handler(DeleteTag, commands.delete_tag), edit),
        write_route("POST", "runs/log-batch", command_handler(LogBatch, commands.log_batch), edit, DATA_LIMITS),
        write_route("POST", "runs/log-inputs", command_handler(LogInputs, commands.log_inputs), edit, DATA_LIMITS),
        write_route("POST", "runs/outputs", command_handler(LogOutputs, commands.log_outputs), edit),
        write_route("POST", "runs/log-model", command_handler(LogModel, commands.log_model), edit),
    )
