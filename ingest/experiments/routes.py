"""The routes of the commands about experiments."""

from functools import partial
from typing import Final

from aiohttp import hdrs, web

from ingest.experiments.commands import ExperimentCommands
from ingest.proxy_address import ProxyAddress
from ingest.write_route import write_route
from schemas.levels import EXPERIMENT, Level
from schemas.messages.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    RestoreExperiment,
    SetExperimentTag,
    UpdateExperiment,
)
from schemas.rest.access import ARTIFACT_LOCATION, Creates, On, Rule
from schemas.rest.decode import read_message
from schemas.rest.handler import command_handler, named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, KNOWS_ITS_HOSTS, REQUEST_ID
from schemas.rest.route import DATA_LIMITS, Route
from schemas.rest.rules import EDIT_EXPERIMENT, MANAGE_EXPERIMENT

_CREATE: Final[Rule] = (
    Creates(EXPERIMENT),
    On(Level.EDIT, ARTIFACT_LOCATION, "artifact_location", optional=True),
)


def experiment_routes(commands: ExperimentCommands) -> tuple[Route, ...]:
    """Every route of these commands."""

    async def create(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, CreateExperiment)
        answer = await commands.create(
            message, request[ACTOR], request[REQUEST_ID], _reached_at(request), partial(_is_connected, request)
        )
        return JsonAnswer(answer)

    return (
        write_route("POST", "experiments/create", named_for(CreateExperiment, create), _CREATE, DATA_LIMITS),
        write_route("POST", "experiments/update", command_handler(UpdateExperiment, commands.rename), EDIT_EXPERIMENT),
        write_route(
            "POST", "experiments/delete", command_handler(DeleteExperiment, commands.delete), MANAGE_EXPERIMENT
        ),
        write_route(
            "POST", "experiments/restore", command_handler(RestoreExperiment, commands.restore), MANAGE_EXPERIMENT
        ),
        write_route(
            "POST",
            "experiments/set-experiment-tag",
            command_handler(SetExperimentTag, commands.set_tag),
            EDIT_EXPERIMENT,
        ),
        write_route(
            "POST",
            "experiments/delete-experiment-tag",
            command_handler(DeleteExperimentTag, commands.delete_tag),
            EDIT_EXPERIMENT,
        ),
    )


def _reached_at(request: web.Request) -> ProxyAddress | None:
    """Where the client reached this server, as far as its Host header can be believed."""
    if not request.app.get(KNOWS_ITS_HOSTS, False):
        return None
    return ProxyAddress.of_request(request.headers.get(hdrs.HOST, ""), request.rel_url.raw_path)


def _is_connected(request: web.Request) -> bool:
    """Whether the client of the request is still there, as far as is known."""
    return request.transport is not None and not request.transport.is_closing()
