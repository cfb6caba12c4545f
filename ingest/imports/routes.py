"""The route that brings in events which were first elsewhere."""

from typing import Final

from ingest.imports.commands import ImportCommands
from ingest.write_route import tracklog_write
from schemas.messages.imports import ImportEvents
from schemas.rest.handler import command_handler
from schemas.rest.route import MIB, Limits, Permission, Route

IMPORT_LIMITS: Final = Limits(body_bytes=26 * MIB, timeout_s=60.0)
"""An event that a request of 16 MiB made is a little larger with its envelope, and larger still where JSON escapes."""


def import_routes(commands: ImportCommands) -> tuple[Route, ...]:
    """Every route of these commands. An event may say of anything that it happened, so administrators alone may."""
    handler = command_handler(ImportEvents, commands.bring_in)
    return (tracklog_write("POST", "events", handler, Permission.ADMIN, IMPORT_LIMITS),)
