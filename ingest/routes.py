"""The write routes of the tracking API."""

from aiohttp import hdrs, web

from ingest.proxy_address import ProxyAddress
from ingest.service import IngestService
from schemas.messages.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    RestoreExperiment,
    SetExperimentTag,
    UpdateExperiment,
)
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.messages.run_data import DeleteTag, LogBatch, LogInputs, LogMetric, LogModel, LogOutputs, LogParam, SetTag
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun
from schemas.rest.decode import read_message
from schemas.rest.handler import command_handler
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, KNOWS_ITS_HOSTS, REQUEST_ID
from schemas.rest.route import DATA_LIMITS, V2, WRITE_LIMITS, Handler, Kind, Limits, Permission, Route


def ingest_routes(ingest: IngestService) -> tuple[Route, ...]:
    """Every route by which tracking data changes."""
    experiments, runs, run_data, models = ingest.experiments, ingest.runs, ingest.run_data, ingest.logged_models

    async def create_experiment(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, CreateExperiment)
        address = _reached_at(request)
        body = await experiments.create(
            message, request[ACTOR], request[REQUEST_ID], address, lambda: _is_connected(request)
        )
        return JsonAnswer(body)

    create, edit, manage = Permission.AUTHENTICATED, Permission.EDIT, Permission.MANAGE
    return (
        _post("experiments/create", create_experiment, create, DATA_LIMITS),
        _post("experiments/update", command_handler(UpdateExperiment, experiments.rename), edit),
        _post("experiments/delete", command_handler(DeleteExperiment, experiments.delete), manage),
        _post("experiments/restore", command_handler(RestoreExperiment, experiments.restore), manage),
        _post("experiments/set-experiment-tag", command_handler(SetExperimentTag, experiments.set_tag), edit),
        _post("experiments/delete-experiment-tag", command_handler(DeleteExperimentTag, experiments.delete_tag), edit),
        _post("runs/create", command_handler(CreateRun, runs.create), edit, DATA_LIMITS),
        _post("runs/update", command_handler(UpdateRun, runs.update), edit),
        _post("runs/delete", command_handler(DeleteRun, runs.delete), manage),
        _post("runs/restore", command_handler(RestoreRun, runs.restore), manage),
        _post("runs/log-metric", command_handler(LogMetric, run_data.log_metric), edit),
        _post("runs/log-parameter", command_handler(LogParam, run_data.log_param), edit, DATA_LIMITS),
        _post("runs/set-tag", command_handler(SetTag, run_data.set_tag), edit, DATA_LIMITS),
        _post("runs/delete-tag", command_handler(DeleteTag, run_data.delete_tag), edit),
        _post("runs/log-batch", command_handler(LogBatch, run_data.log_batch), edit, DATA_LIMITS),
        _post("runs/log-inputs", command_handler(LogInputs, run_data.log_inputs), edit, DATA_LIMITS),
        _post("runs/outputs", command_handler(LogOutputs, run_data.log_outputs), edit),
        _post("runs/log-model", command_handler(LogModel, run_data.log_model), edit),
        _post("logged-models", command_handler(CreateLoggedModel, models.create), edit, DATA_LIMITS),
        _route("PATCH", "logged-models/{model_id}", command_handler(FinalizeLoggedModel, models.finalize), edit),
        _route("DELETE", "logged-models/{model_id}", command_handler(DeleteLoggedModel, models.delete), manage),
        _post("logged-models/{model_id}/params", command_handler(LogLoggedModelParams, models.log_params), edit),
        _route("PATCH", "logged-models/{model_id}/tags", command_handler(SetLoggedModelTags, models.set_tags), edit),
        # A key may hold slashes, with which MLflow finds no route.
        _route(
            "DELETE",
            "logged-models/{model_id}/tags/{tag_key:.+}",
            command_handler(DeleteLoggedModelTag, models.delete_tag),
            edit,
        ),
    )


def _reached_at(request: web.Request) -> ProxyAddress | None:
    """Where the client reached this server, as far as its Host header can be believed."""
    if not request.app.get(KNOWS_ITS_HOSTS, False):
        return None
    return ProxyAddress.of_request(request.headers.get(hdrs.HOST, ""), request.rel_url.raw_path)


def _is_connected(request: web.Request) -> bool:
    """Whether whoever sent the request is still there, as far as is known."""
    return request.transport is not None and not request.transport.is_closing()


def _post(path: str, handler: Handler, permission: Permission, limits: Limits = WRITE_LIMITS) -> Route:
    return _route("POST", path, handler, permission, limits)


def _route(method: str, path: str, handler: Handler, permission: Permission, limits: Limits = WRITE_LIMITS) -> Route:
    return Route(
        method=method,
        path=f"/mlflow/{path}",
        prefixes=V2,
        handler=handler,
        kind=Kind.WRITE,
        permission=permission,
        limits=limits,
    )
