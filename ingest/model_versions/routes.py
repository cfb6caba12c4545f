"""The routes of the commands about versions of registered models."""

from typing import Final

from ingest.model_versions.commands import ModelVersionCommands
from ingest.write_route import write_route
from schemas.levels import REGISTERED_MODEL, Level
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
)
from schemas.rest.access import LOGGED_MODEL, MODEL_VERSION, RUN, SOURCE, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_VERSION, MANAGE_VERSION

_CREATE: Final[Rule] = (
    On(Level.EDIT, REGISTERED_MODEL, "name", unless_denied=MODEL_VERSION),
    On(Level.READ, SOURCE, "source"),
    On(Level.READ, RUN, "run_id", optional=True),
    On(Level.READ, LOGGED_MODEL, "model_id", optional=True),
)
"""Whoever may read a model gets what its versions are made of, so nobody may name what they cannot read themselves."""


def model_version_routes(commands: ModelVersionCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    return (
        write_route(
            "POST", "model-versions/create", command_handler(CreateModelVersion, commands.create), _CREATE, DATA_LIMITS
        ),
        write_route(
            "PATCH", "model-versions/update", command_handler(UpdateModelVersion, commands.update), EDIT_VERSION
        ),
        write_route(
            "POST",
            "model-versions/transition-stage",
            command_handler(TransitionModelVersionStage, commands.transition),
            EDIT_VERSION,
        ),
        write_route(
            "DELETE", "model-versions/delete", command_handler(DeleteModelVersion, commands.delete), MANAGE_VERSION
        ),
        write_route(
            "POST", "model-versions/set-tag", command_handler(SetModelVersionTag, commands.set_tag), EDIT_VERSION
        ),
        write_route(
            "DELETE",
            "model-versions/delete-tag",
            command_handler(DeleteModelVersionTag, commands.delete_tag),
            MANAGE_VERSION,
        ),
    )
