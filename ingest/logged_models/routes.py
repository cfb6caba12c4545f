"""The routes of the commands about logged models."""

from ingest.logged_models.commands import LoggedModelCommands
from ingest.write_route import write_route
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Permission, Route

_MODEL = "logged-models/{model_id}"


def logged_model_routes(commands: LoggedModelCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    edit, manage = Permission.EDIT, Permission.MANAGE
    return (
        write_route("POST", "logged-models", command_handler(CreateLoggedModel, commands.create), edit, DATA_LIMITS),
        write_route("PATCH", _MODEL, command_handler(FinalizeLoggedModel, commands.finalize), edit),
        write_route("DELETE", _MODEL, command_handler(DeleteLoggedModel, commands.delete), manage),
        write_route("POST", f"{_MODEL}/params", command_handler(LogLoggedModelParams, commands.log_params), edit),
        write_route("PATCH", f"{_MODEL}/tags", command_handler(SetLoggedModelTags, commands.set_tags), edit),
        # A key may hold slashes, with which MLflow finds no route.
        write_route(
            "DELETE",
            f"{_MODEL}/tags/{{tag_key:.+}}",
            command_handler(DeleteLoggedModelTag, commands.delete_tag),
            edit,
        ),
    )
