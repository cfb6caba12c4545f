"""The routes of the commands about registered models."""

from ingest.registered_models.commands import RegisteredModelCommands
from ingest.write_route import write_route
from schemas.levels import REGISTERED_MODEL
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    DeleteRegisteredModelAlias,
    DeleteRegisteredModelTag,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from schemas.rest.access import Creates
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_MODEL, MANAGE_MODEL

_MODELS = "registered-models"


def registered_model_routes(commands: RegisteredModelCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    return (
        write_route(
            "POST",
            f"{_MODELS}/create",
            command_handler(CreateRegisteredModel, commands.create),
            (Creates(REGISTERED_MODEL),),
            DATA_LIMITS,
        ),
        write_route(
            "PATCH",
            f"{_MODELS}/update",
            command_handler(UpdateRegisteredModel, commands.update),
            EDIT_MODEL,
            DATA_LIMITS,
        ),
        write_route("POST", f"{_MODELS}/rename", command_handler(RenameRegisteredModel, commands.rename), EDIT_MODEL),
        write_route(
            "DELETE", f"{_MODELS}/delete", command_handler(DeleteRegisteredModel, commands.delete), MANAGE_MODEL
        ),
        write_route(
            "POST",
            f"{_MODELS}/set-tag",
            command_handler(SetRegisteredModelTag, commands.set_tag),
            EDIT_MODEL,
            DATA_LIMITS,
        ),
        write_route(
            "DELETE",
            f"{_MODELS}/delete-tag",
            command_handler(DeleteRegisteredModelTag, commands.delete_tag),
            EDIT_MODEL,
        ),
        write_route(
            "POST", f"{_MODELS}/alias", command_handler(SetRegisteredModelAlias, commands.set_alias), EDIT_MODEL
        ),
        write_route(
            "DELETE",
            f"{_MODELS}/alias",
            command_handler(DeleteRegisteredModelAlias, commands.delete_alias),
            MANAGE_MODEL,
        ),
    )
