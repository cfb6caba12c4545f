"""The commands about registered models.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected:
the fold decides who has a name, and whether what a command is about is still there. What is surely wrong is refused
before anything is appended. Raises InvalidParameterValue for a bad name, key or alias, ResourceDoesNotExist when there
is no such model, and what KnownEntities and LogWriter raise.
"""

import uuid

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.log_writer import LogWriter, in_the_log
from ingest.model_versions.lookups import VERSION
from ingest.registered_models import decisions
from ingest.registered_models.answers import registered_model, registered_model_created
from ingest.registered_models.lookups import (
    NAME_HOLDER,
    REGISTERED_MODEL_INFO,
    REGISTERED_MODELS,
)
from ingest.registered_models.state import NameHolder
from ingest.users.owners import Owners
from schemas.envelope import Actor
from schemas.events import REGISTERED_MODELS_ORDERING_UNIT, AnyRegisteredModelEvent
from schemas.messages.model_versions import model_version_not_found
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    DeleteRegisteredModelAlias,
    DeleteRegisteredModelTag,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
    registered_model_not_found,
)


class RegisteredModelCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities, owners: Owners) -> None:
        self._writer = writer
        self._known = known
        self._owners = owners

    async def create(self, command: CreateRegisteredModel, actor: Actor, request_id: str) -> bytes:
        """A model, or with the marker tag a prompt, of a name that no other has. Raises ResourceAlreadyExists."""
        event = decisions.create(command, uuid.uuid4().hex, await self._owners.id_of(actor))
        holder = await self._holder_of(event.name)
        if holder is not None:
            raise decisions.taken(holder, is_prompt=decisions.is_prompt(event))
        stamped = await self._writer.append_and_wait(event, actor, request_id)
        return registered_model_created(stamped, event)

    async def update(self, command: UpdateRegisteredModel, actor: Actor, request_id: str) -> bytes:
        """Replace the description; none clears it. Answered with the whole model."""
        event = decisions.update(command)
        await self._append(event, actor, request_id)
        return await self._answer(event.name)

    async def rename(self, command: RenameRegisteredModel, actor: Actor, request_id: str) -> bytes:
        """Give a model a name that no other has, or its own again. Answered with the whole model.

        Raises ResourceAlreadyExists.
        """
        event = decisions.rename(command)
        model = await self._known.existing(REGISTERED_MODELS, event.name)
        if event.new_name != model.name:
            holder = await self._holder_of(event.new_name)
            if holder is not None:
                raise decisions.taken(holder, is_prompt=holder.is_prompt)
        await self._writer.append_change(REGISTERED_MODELS, event.name, event, actor, request_id)
        return await self._answer(event.new_name)

    async def delete(self, command: DeleteRegisteredModel, actor: Actor, request_id: str) -> bytes:
        """Delete a model for good, with its versions, tags and aliases."""
        event = decisions.delete(command)
        await self._known.existing(REGISTERED_MODELS, event.name)
        await self._writer.append_change(REGISTERED_MODELS, event.name, event, actor, request_id)
        return EMPTY

    async def set_tag(self, command: SetRegisteredModelTag, actor: Actor, request_id: str) -> bytes:
        """Set a tag; the marker makes a prompt of the model, or a model of the prompt."""
        await self._append(decisions.set_tag(command), actor, request_id)
        return EMPTY

    async def delete_tag(self, command: DeleteRegisteredModelTag, actor: Actor, request_id: str) -> bytes:
        """Delete a tag, which need not be set."""
        await self._append(decisions.delete_tag(command), actor, request_id)
        return EMPTY

    async def set_alias(self, command: SetRegisteredModelAlias, actor: Actor, request_id: str) -> bytes:
        """Have an alias stand for a version, whichever it stood for before. Raises ResourceDoesNotExist for either."""
        event = decisions.set_alias(command)
        await self._require_version(event.name, event.version)
        await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def delete_alias(self, command: DeleteRegisteredModelAlias, actor: Actor, request_id: str) -> bytes:
        """Delete an alias, which need not stand for anything."""
        await self._append(decisions.delete_alias(command), actor, request_id)
        return EMPTY

    async def _append(self, event: AnyRegisteredModelEvent, actor: Actor, request_id: str) -> None:
        """Append what changes nothing that is known here of the model."""
        await self._known.existing(REGISTERED_MODELS, event.name)
        await self._writer.append_and_wait(event, actor, request_id)

    async def _holder_of(self, name: str) -> NameHolder | None:
        """Who has the name. When somebody has, it is so surely: whom another process deleted does not hold it."""
        holder = await self._known.lookups.one(NAME_HOLDER, name)
        if holder is None:
            return None
        await self._known.catch_up(REGISTERED_MODELS_ORDERING_UNIT)
        return await self._known.lookups.one(NAME_HOLDER, name)

    async def _require_version(self, name: str, number: int) -> None:
        """Raises ResourceDoesNotExist when there is no such version."""
        if await self._known.look_up(VERSION, f"{name}/{number}") is None:
            raise model_version_not_found(name, number)

    async def _answer(self, name: str) -> bytes:
        """The whole model. Raises ResourceDoesNotExist when the next change took it away."""
        with in_the_log():
            info = await self._known.lookups.one(REGISTERED_MODEL_INFO, name)
        if info is None:
            raise registered_model_not_found(name)
        return registered_model(info)
