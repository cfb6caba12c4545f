"""The routes of the commands about versions of registered models."""

from ingest.model_versions.commands import ModelVersionCommands
from ingest.write_route import write_route
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
)
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Permission, Route


def model_version_routes(commands: ModelVersionCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    edit, manage = Permission.EDIT, Permission.MANAGE
    return (
        write_route(
            "POST", "model-versions/create", command_handler(CreateModelVersion, commands.create), edit, DATA_LIMITS
        ),
        write_route("PATCH", "model-versions/update", command_handler(UpdateModelVersion, commands.update), edit),
        write_route(
            "POST",
            "model-versions/transition-stage",
            command_handler(TransitionModelVersionStage, commands.transition),
            edit,
        ),
        write_route("DELETE", "model-versions/delete", command_handler(DeleteModelVersion, commands.delete), manage),
        write_route("POST", "model-versions/set-tag", command_handler(SetModelVersionTag, commands.set_tag), edit),
        write_route(
            "DELETE", "model-versions/delete-tag", command_handler(DeleteModelVersionTag, commands.delete_tag), edit
        ),
    )
