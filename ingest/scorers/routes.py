"""The routes of the commands about scorers."""

from ingest.scorers.commands import ScorerCommands
from ingest.write_route import write_route
from schemas.messages.scorers import DeleteScorer, RegisterScorer, SetOnlineScoringConfig
from schemas.rest.handler import command_handler
from schemas.rest.route import V3, Route
from schemas.rest.rules import EDIT_SCORER, MANAGE_SCORER, REGISTER_SCORER


def scorer_routes(commands: ScorerCommands) -> tuple[Route, ...]:
    """Every route of these commands."""
    return (
        write_route(
            "POST", "scorers/register", command_handler(RegisterScorer, commands.register), REGISTER_SCORER, prefixes=V3
        ),
        write_route(
            "DELETE", "scorers/delete", command_handler(DeleteScorer, commands.delete), MANAGE_SCORER, prefixes=V3
        ),
        write_route(
            "PUT",
            "scorers/online-config",
            command_handler(SetOnlineScoringConfig, commands.set_online_config),
            EDIT_SCORER,
            prefixes=V3,
        ),
    )
