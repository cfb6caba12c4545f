"""The commands about the data of a run. Metrics and tags are answered when durable, params when the fold took them."""

from collections.abc import Mapping

from ingest import answers
from ingest.admission.known_entities import Door
from ingest.admission.lookups import RunAtDoor
from ingest.log_writer import LogWriter
from ingest.logged_models.decisions import require_model_of_metric
from ingest.run_data import decisions
from schemas.envelope import Actor
from schemas.events import RunDataLogged
from schemas.messages.run_data import (
    DeleteTag,
    LogInputs,
    LogMetric,
    LogModel,
    LogOutputs,
    LogParam,
    PlainLogBatch,
    SetTag,
)


class RunDataCommands:
    def __init__(self, writer: LogWriter, door: Door) -> None:
        self._writer = writer
        self._door = door

    async def log_metric(self, command: LogMetric, actor: Actor, request_id: str) -> bytes:
        event = decisions.log_metric(command)
        await self._door.active_run(event.run_id)
        if event.model_metrics:
            await self._require_models(event)
        await self._writer.append(event, actor, request_id)
        return answers.EMPTY

    async def log_param(self, command: LogParam, actor: Actor, request_id: str) -> bytes:
        event = decisions.log_param(command)
        run = await self._door.active_run(event.run_id)
        await self._append_with_params(run, event, actor, request_id)
        return answers.EMPTY

    async def set_tag(self, command: SetTag, actor: Actor, request_id: str) -> bytes:
        event = decisions.set_tag(command)
        run = await self._door.active_run(event.run_id)
        if decisions.may_rename(event):
            run.info = None
        if not decisions.is_empty(event):
            await self._writer.append(event, actor, request_id)
        return answers.EMPTY

    async def delete_tag(self, command: DeleteTag, actor: Actor, request_id: str) -> bytes:
        run = await self._door.active_run(command.run_id)
        await self._door.catch_up()
        is_set = await self._door.state.has_run_tag(run.run_id, command.key)
        await self._writer.append(decisions.delete_tag(command, is_set=is_set), actor, request_id)
        return answers.EMPTY

    async def log_batch(self, command: PlainLogBatch, actor: Actor, request_id: str) -> bytes:
        event = decisions.log_batch(command)
        run = await self._door.active_run(event.run_id)
        if event.model_metrics:
            await self._require_models(event)
        if decisions.may_rename(event):
            run.info = None
        if event.params:
            await self._append_with_params(run, event, actor, request_id)
        elif not decisions.is_empty(event):
            await self._writer.append(event, actor, request_id)
        return answers.EMPTY

    async def log_model(self, command: LogModel, actor: Actor, request_id: str) -> bytes:
        event = decisions.log_model(command)
        await self._door.active_run(event.run_id)
        await self._writer.append_and_hear(event, actor, request_id)
        return answers.EMPTY

    async def log_inputs(self, command: LogInputs, actor: Actor, request_id: str) -> bytes:
        event = decisions.log_inputs(command)
        await self._door.active_run(command.run_id)
        if event is not None:
            await self._writer.append(event, actor, request_id)
        return answers.EMPTY

    async def log_outputs(self, command: LogOutputs, actor: Actor, request_id: str) -> bytes:
        event = decisions.log_outputs(command)
        run = await self._door.active_run(command.run_id)
        if event is not None:
            model_ids = [model.model_id for model in event.models]
            decisions.require_new_outputs(event, await self._door.state.logged_models_output(run.run_id, model_ids))
            await self._writer.append_and_hear(event, actor, request_id)
        return answers.EMPTY

    async def _append_with_params(self, run: RunAtDoor, event: RunDataLogged, actor: Actor, request_id: str) -> None:
        if run.is_bare:
            run.is_bare = False
            known: Mapping[str, str] = {}
        else:
            known = await self._door.state.params(event.run_id, [param.key for param in event.params])
        news = decisions.without_known_params(event, known)
        if news is None:
            return
        if news.params:
            await self._writer.append_and_hear(news, actor, request_id)
        else:
            await self._writer.append(news, actor, request_id)

    async def _require_models(self, event: RunDataLogged) -> None:
        for model_id in dict.fromkeys(metric.model_id for metric in event.model_metrics):
            require_model_of_metric(await self._door.logged_model(model_id), model_id)
