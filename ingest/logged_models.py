"""The commands about logged models."""

import uuid

from ingest import answers
from ingest.deciding import logged_models as deciding
from ingest.door import Door
from ingest.log_writer import LogWriter
from ingest.port import LoggedModelAtDoor
from ingest.run_names import random_name
from ingest.validation import experiment_id_of
from schemas.envelope import Actor
from schemas.errors import ResourceDoesNotExist
from schemas.rest.messages import CreateLoggedModel, FinalizeLoggedModel


class LoggedModelCommands:
    def __init__(self, writer: LogWriter, door: Door) -> None:
        self._writer = writer
        self._door = door

    async def create(self, command: CreateLoggedModel, actor: Actor, request_id: str) -> bytes:
        deciding.check_create(command)
        experiment = await self._door.experiment(experiment_id_of(command.experiment_id))
        event = deciding.create(command, experiment, f"m-{uuid.uuid4().hex}", command.name or random_name())
        stamped = await self._writer.append_and_hear(event, actor, request_id)
        self._door.logged_model_created(LoggedModelAtDoor(event.model_id, event.experiment_id))
        return answers.logged_model_created(stamped, event)

    async def finalize(self, command: FinalizeLoggedModel, actor: Actor, request_id: str) -> bytes:
        status = deciding.status_of(command)
        model = await self._door.logged_model(command.model_id)
        event = deciding.finalize(command, model, status)
        await self._writer.append_and_hear(event, actor, request_id)
        answer = await self._door.state.logged_model_json(event.model_id)
        if answer is None:
            raise ResourceDoesNotExist(f"Logged model with ID '{event.model_id}' not found.")
        return answer
