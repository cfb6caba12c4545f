"""The routes of the commands about logged models."""

from typing import Final

from ingest.logged_models.commands import LoggedModelCommands
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.rest.access import LOGGED_MODEL, RUN, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_LOGGED_MODEL, MANAGE_LOGGED_MODEL

_MODEL = "logged-models/{model_id}"


_CREATE: Final[Rule] = (
    On(Level.EDIT, EXPERIMENT, "experiment_id", unless_denied=LOGGED_MODEL),
    On(Level.READ, RUN, "source_run_id", optional=True),
)


def logged_model_routes(commands: LoggedModelCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    return (
        write_route("POST", "logged-models", command_handler(CreateLoggedModel, commands.create), _CREATE, DATA_LIMITS),
        write_route("PATCH", _MODEL, command_handler(FinalizeLoggedModel, commands.finalize), EDIT_LOGGED_MODEL),
        write_route("DELETE", _MODEL, command_handler(DeleteLoggedModel, commands.delete), MANAGE_LOGGED_MODEL),
        write_route(
            "POST", f"{_MODEL}/params", command_handler(LogLoggedModelParams, commands.log_params), EDIT_LOGGED_MODEL
        ),
        write_route(
            "PATCH", f"{_MODEL}/tags", command_handler(SetLoggedModelTags, commands.set_tags), EDIT_LOGGED_MODEL
        ),
        # A key may hold slashes, with which MLflow finds no route.
        write_route(
            "DELETE",
            f"{_MODEL}/tags/{{tag_key:.+}}",
            command_handler(DeleteLoggedModelTag, commands.delete_tag),
            MANAGE_LOGGED_MODEL,
        ),
    )
