"""The routes of the commands about label schemas. What people are asked is for who manages the experiment to say."""

from typing import Final

from ingest.label_schemas.commands import LabelSchemaCommands
from ingest.write_route import write_route
from schemas.levels import Level
from schemas.messages.label_schemas import CreateLabelSchema, DeleteLabelSchema, UpdateLabelSchema
from schemas.rest.access import LABEL_SCHEMA, On, Rule
from schemas.rest.handler import command_handler
from schemas.rest.route import V3, Route
from schemas.rest.rules import MANAGE_EXPERIMENT

_MANAGE: Final[Rule] = (On(Level.MANAGE, LABEL_SCHEMA, "schema_id"),)


def label_schema_routes(commands: LabelSchemaCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    create = command_handler(CreateLabelSchema, commands.create)
    update = command_handler(UpdateLabelSchema, commands.update)
    delete = command_handler(DeleteLabelSchema, commands.delete)
    return (
        write_route("POST", "label-schemas/create", create, MANAGE_EXPERIMENT, prefixes=V3),
        write_route("PATCH", "label-schemas/update", update, _MANAGE, prefixes=V3),
        write_route("DELETE", "label-schemas/delete", delete, _MANAGE, prefixes=V3),
    )
