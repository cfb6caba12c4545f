"""The commands about logged models.

Each takes a request message, the actor and the id of the request, and answers with JSON. What is wrong in any state is
refused before the model is looked up. A deleted model takes every write, as in MLflow. Raises ResourceDoesNotExist
when there is no such model, and what KnownEntities and LogWriter raise.
"""

import uuid

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter, in_the_log
from ingest.logged_models import decisions
from ingest.logged_models.answers import logged_model, logged_model_created
from ingest.logged_models.lookups import LOGGED_MODEL_INFO, LOGGED_MODEL_PARAM_KEYS, LOGGED_MODEL_TAG, LOGGED_MODELS
from ingest.logged_models.state import KnownLoggedModel
from ingest.runs.names import random_name
from schemas.envelope import Actor
from schemas.messages.experiments import experiment_id_of
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)


class LoggedModelCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def create(self, command: CreateLoggedModel, actor: Actor, request_id: str) -> bytes:
        """A new model of an active experiment, with a name of its own when it is given none. Answered when projected.

        Raises InvalidParameterValue for a bad name, a missing key or a deleted experiment, BadRequest for a key given
        twice, ResourceDoesNotExist for an unknown experiment.
        """
        decisions.check_create(command)
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        event = decisions.create(command, experiment, f"m-{uuid.uuid4().hex}", command.name or random_name())
        stamped = await self._writer.append_and_wait(event, actor, request_id)
        self._known.created(LOGGED_MODELS, event.model_id, KnownLoggedModel(event.model_id, event.experiment_id))
        return logged_model_created(stamped, event)

    async def finalize(self, command: FinalizeLoggedModel, actor: Actor, request_id: str) -> bytes:
        """Set the status of a model, which may be done again, and answer with the whole model. Answered when projected.

        Raises InvalidParameterValue for an unknown status, EventInLog when the event is in the log and the model cannot
        be shown.
        """
        status = decisions.status_of(command)
        model = await self._known.existing(LOGGED_MODELS, command.model_id)
        await self._writer.append_and_wait(decisions.finalize(model, status), actor, request_id)
        with in_the_log():
            info = await self._known.lookups.one(LOGGED_MODEL_INFO, model.model_id)
        assert info is not None, "logged models stay in the read model"
        return logged_model(info)

    async def log_params(self, command: LogLoggedModelParams, actor: Actor, request_id: str) -> bytes:
        """More params, all of them or none; none leave no event. Answered when projected.

        Raises InvalidParameterValue for a missing key, BadRequest for a key given twice or that the model has.
        """
        decisions.check_params(command.params)
        model = await self._known.existing(LOGGED_MODELS, command.model_id)
        keys = [param.key for param in command.params]
        held = await self._known.lookups.all(LOGGED_MODEL_PARAM_KEYS, model.model_id, keys)
        event = decisions.log_params(command, model, held)
        if event is not None:
            await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def set_tags(self, command: SetLoggedModelTags, actor: Actor, request_id: str) -> bytes:
        """Set tags; none leave no event. Answered when durable. Raises InvalidParameterValue for a missing key."""
        decisions.check_set_tags(command)
        event = decisions.set_tags(command, await self._known.existing(LOGGED_MODELS, command.model_id))
        if event is not None:
            await self._writer.append(event, actor, request_id)
        return EMPTY

    async def delete_tag(self, command: DeleteLoggedModelTag, actor: Actor, request_id: str) -> bytes:
        """Delete a tag that is set. Answered when durable.

        Waits for the projection first, for tags are answered before they are projected. Raises ResourceDoesNotExist.
        """
        model = await self._known.existing(LOGGED_MODELS, command.model_id)
        await self._known.catch_up()
        is_set = await self._known.lookups.one(LOGGED_MODEL_TAG, model.model_id, command.tag_key) is not None
        await self._writer.append(decisions.delete_tag(command, model, is_set=is_set), actor, request_id)
        return EMPTY

    async def delete(self, command: DeleteLoggedModel, actor: Actor, request_id: str) -> bytes:
        """Hide a model, which may be done again. Answered when durable."""
        model = await self._known.existing(LOGGED_MODELS, command.model_id)
        await self._writer.append(decisions.delete(model), actor, request_id)
        return EMPTY
