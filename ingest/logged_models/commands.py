"""The commands about logged models."""

import uuid

from ingest import answers
from ingest.admission.known_entities import Door
from ingest.admission.lookups import LoggedModelAtDoor
from ingest.log_writer import LogWriter, in_the_log
from ingest.logged_models import decisions
from ingest.runs.names import random_name
from ingest.validation import experiment_id_of
from schemas.envelope import Actor
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)


class LoggedModelCommands:
    def __init__(self, writer: LogWriter, door: Door) -> None:
        self._writer = writer
        self._door = door

    async def create(self, command: CreateLoggedModel, actor: Actor, request_id: str) -> bytes:
        decisions.check_create(command)
        experiment = await self._door.experiment(experiment_id_of(command.experiment_id))
        event = decisions.create(command, experiment, f"m-{uuid.uuid4().hex}", command.name or random_name())
        stamped = await self._writer.append_and_hear(event, actor, request_id)
        self._door.logged_model_created(LoggedModelAtDoor(event.model_id, event.experiment_id))
        return answers.logged_model_created(stamped, event)

    async def finalize(self, command: FinalizeLoggedModel, actor: Actor, request_id: str) -> bytes:
        status = decisions.status_of(command)
        model = await self._model(command.model_id)
        await self._writer.append_and_hear(decisions.finalize(model, status), actor, request_id)
        with in_the_log():
            answer = await self._door.state.logged_model_json(model.model_id)
        assert answer is not None, "a logged model stays in the read model for ever"
        return answer

    async def log_params(self, command: LogLoggedModelParams, actor: Actor, request_id: str) -> bytes:
        decisions.check_params(command.params)
        model = await self._model(command.model_id)
        held = await self._door.state.logged_model_params(model.model_id, [param.key for param in command.params])
        event = decisions.log_params(command, model, held)
        if event is not None:
            await self._writer.append_and_hear(event, actor, request_id)
        return answers.EMPTY

    async def set_tags(self, command: SetLoggedModelTags, actor: Actor, request_id: str) -> bytes:
        decisions.check_set_tags(command)
        event = decisions.set_tags(command, await self._model(command.model_id))
        if event is not None:
            await self._writer.append(event, actor, request_id)
        return answers.EMPTY

    async def delete_tag(self, command: DeleteLoggedModelTag, actor: Actor, request_id: str) -> bytes:
        model = await self._model(command.model_id)
        await self._door.catch_up()
        is_set = await self._door.state.has_logged_model_tag(model.model_id, command.tag_key)
        await self._writer.append(decisions.delete_tag(command, model, is_set=is_set), actor, request_id)
        return answers.EMPTY

    async def delete(self, command: DeleteLoggedModel, actor: Actor, request_id: str) -> bytes:
        model = await self._model(command.model_id)
        await self._writer.append(decisions.delete(model), actor, request_id)
        return answers.EMPTY

    async def _model(self, model_id: str) -> LoggedModelAtDoor:
        return decisions.require_logged_model(await self._door.logged_model(model_id), model_id)
