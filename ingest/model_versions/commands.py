"""The commands about versions of registered models.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected:
the fold numbers versions, and decides whether what a command is about is still there. What is surely wrong is refused
before anything is appended. Raises InvalidParameterValue for a bad name, number or key, ResourceDoesNotExist when there
is no such model or version, and what KnownEntities and LogWriter raise.
"""

import uuid
from typing import TypeAlias

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.log_writer import LogWriter, in_the_log
from ingest.model_versions import decisions
from ingest.model_versions.answers import ModelVersionInfo, model_version
from ingest.model_versions.lookups import LOGGED_MODEL_FILES, MODEL_VERSION_INFO, RUN_ARTIFACTS, VERSION
from ingest.model_versions.source_files import (
    Files,
    Found,
    check_source_model,
    files_of,
    version_lookup,
    version_not_found,
)
from ingest.model_versions.source_policy import SourcePolicy
from ingest.model_versions.sources import (
    Location,
    RunSource,
    Source,
    VersionSource,
    source_of,
)
from ingest.model_versions.state import KnownVersion
from ingest.registered_models.lookups import NAME_HOLDER, REGISTERED_MODELS
from schemas.envelope import Actor
from schemas.errors import ResourceDoesNotExist
from schemas.events.logged_models import LOGGED_MODELS, LoggedModelVersionRegistered
from schemas.events.model_versions import (
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
)
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
    model_version_not_found,
)

_Change: TypeAlias = (
    ModelVersionUpdated | ModelVersionTransitioned | ModelVersionDeleted | ModelVersionTagSet | ModelVersionTagDeleted
)


class ModelVersionCommands:
    """`policy` is what the operator says of sources."""

    def __init__(self, writer: LogWriter, known: KnownEntities, policy: SourcePolicy) -> None:
        self._writer = writer
        self._known = known
        self._policy = policy

    async def create(self, command: CreateModelVersion, actor: Actor, request_id: str) -> bytes:
        """A version with the next number of its model. Answered with the whole version.

        When it is of a logged model, that one's list of versions has it by then, even when the caller is cancelled
        meanwhile. Raises InvalidParameterValue also for a source that nothing may be made from.
        """
        source = source_of(command, self._policy)
        files = await self._files(command, source)
        event = decisions.create(command, files, uuid.uuid4().hex)
        await self._known.existing(REGISTERED_MODELS, event.name)
        return await self._writer.to_the_end(self._create(event, actor, request_id))

    async def update(self, command: UpdateModelVersion, actor: Actor, request_id: str) -> bytes:
        """Replace the description; none clears it. Answered with the whole version."""
        return await self._change(decisions.update(command), command.version, actor, request_id)

    async def transition(self, command: TransitionModelVersionStage, actor: Actor, request_id: str) -> bytes:
        """Bring a version to a stage, and archive those that are in it when that is wished. Answered with the version.

        Raises InvalidParameterValue for an unknown stage, or one from which nothing is archived.
        """
        return await self._change(decisions.transition(command), command.version, actor, request_id)

    async def delete(self, command: DeleteModelVersion, actor: Actor, request_id: str) -> bytes:
        """Delete a version for good, with its tags and aliases."""
        await self._append(decisions.delete(command), command.version, actor, request_id)
        return EMPTY

    async def set_tag(self, command: SetModelVersionTag, actor: Actor, request_id: str) -> bytes:
        await self._append(decisions.set_tag(command), command.version, actor, request_id)
        return EMPTY

    async def delete_tag(self, command: DeleteModelVersionTag, actor: Actor, request_id: str) -> bytes:
        """Delete a tag, which need not be set."""
        await self._append(decisions.delete_tag(command), command.version, actor, request_id)
        return EMPTY

    # --- making a version ---------------------------------------------------------------------------------------------

    async def _create(self, event: ModelVersionCreated, actor: Actor, request_id: str) -> bytes:
        await self._writer.append_and_wait(event, actor, request_id)
        info = await self._info(event.version_id, f"The new version of {event.name} is deleted already.")
        if event.logged_model_id:
            registered = LoggedModelVersionRegistered(
                model_id=event.logged_model_id, name=info.name, version=info.version
            )
            with in_the_log():
                await self._writer.append(registered, actor, request_id)
        return model_version(info)

    # --- changing a version -------------------------------------------------------------------------------------------

    async def _change(self, event: _Change, sent: str, actor: Actor, request_id: str) -> bytes:
        version = await self._append(event, sent, actor, request_id)
        return model_version(await self._info(version.version_id, _not_found(event.name, sent).message))

    async def _append(self, event: _Change, sent: str, actor: Actor, request_id: str) -> KnownVersion:
        """Append an event about a version that there is, and return what was known of it."""
        version = await self._known.look_up(VERSION, f"{event.name}/{event.version}")
        if version is None:
            raise _not_found(event.name, sent)
        await self._writer.append_and_wait(event, actor, request_id)
        return version

    async def _info(self, version_id: str, gone: str) -> ModelVersionInfo:
        """The whole version. Raises ResourceDoesNotExist, saying `gone`, when the next change took it away."""
        with in_the_log():
            info = await self._known.lookups.one(MODEL_VERSION_INFO, version_id)
        if info is None:
            raise ResourceDoesNotExist(gone)
        return info

    # --- what a new version is made from ------------------------------------------------------------------------------

    async def _files(self, command: CreateModelVersion, source: Source) -> Files:
        version = None
        if isinstance(source, VersionSource):
            version = await self._version(command, source)
        run_artifacts = logged_model = None
        if command.model_id:
            # A model that was deleted is refused, and its deletion was answered before it was projected.
            await self._known.catch_up(LOGGED_MODELS.ordering_unit(command.model_id))
            logged_model = await self._known.lookups.one(LOGGED_MODEL_FILES, command.model_id)
        elif isinstance(source, RunSource) or (isinstance(source, Location) and source.must_be_owned):
            run_artifacts = await self._known.look_up(RUN_ARTIFACTS, command.run_id)
        return files_of(command, source, Found(version=version, logged_model=logged_model, run_artifacts=run_artifacts))

    async def _version(self, command: CreateModelVersion, source: VersionSource) -> KnownVersion:
        """The version that a source names. Raises ResourceDoesNotExist or InvalidParameterValue."""
        check_source_model(command, source, await self._known.look_up(NAME_HOLDER, source.name))
        lookup, parameters = version_lookup(source)
        version = await self._known.look_up(lookup, *parameters)
        if version is None:
            raise version_not_found(source)
        return version


def _not_found(name: str, sent: str) -> ResourceDoesNotExist:
    """`sent` is the number as the client wrote it: what no version can have is 0 in an event."""
    return model_version_not_found(name, sent.strip())
