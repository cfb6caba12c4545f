"""The commands about experiments.

Each takes a request message, the actor and the id of the request, and answers with JSON. Raises ResourceDoesNotExist
when there is no such experiment, InvalidParameterValue for an id that is no number, and what KnownEntities and
LogWriter raise.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from event_log.port import OutcomeUnknown
from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.artifact_paths import absolute
from ingest.experiments import decisions
from ingest.experiments.answers import experiment_created
from ingest.experiments.lookups import (
    EXPERIMENT_NAMED,
    EXPERIMENT_TAG,
    EXPERIMENT_TAG_KEYS,
    EXPERIMENTS,
    LAST_EXPERIMENT_ID,
)
from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.log_writer import LogWriter
from ingest.proxy_address import ProxyAddress
from ingest.users.owners import Owners
from read_model.progress import EventInLog
from schemas.artifact_uris import below
from schemas.envelope import SYSTEM, Actor
from schemas.errors import ResourceAlreadyExists, Retryable
from schemas.events import (
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
)
from schemas.messages.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    RestoreExperiment,
    SetExperimentTag,
    UpdateExperiment,
    experiment_id_of,
)
from schemas.mlflow import DEFAULT_EXPERIMENT_ID

DEFAULT_EXPERIMENT_NAME: Final = "Default"

ATTEMPTS: Final = 20
"""Each attempt loses only when another process took the same id between its lookup and its append."""


class ExperimentCommands:
    """`working_folder` is what relative artifact locations are seen from."""

    def __init__(
        self,
        writer: LogWriter,
        known: KnownEntities,
        artifact_root: str,
        working_folder: str,
        owners: Owners,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._writer = writer
        self._known = known
        self._artifact_root = artifact_root
        self._working_folder = working_folder
        self._owners = owners
        self._time_ns = time_ns
        self._last_id = -1

    async def create(
        self,
        command: CreateExperiment,
        actor: Actor,
        request_id: str,
        reached_at: ProxyAddress | None = None,
        is_awaited: Callable[[], bool] = lambda: True,
    ) -> bytes:
        """Create an experiment with a name of its own. Answered when projected, with its id.

        A request that repeats the one which created the experiment, and which was not answered, is answered as that
        one. So an experiment is acknowledged, by an event, right before the first answer that holds its id.
        `reached_at` is where the client reached this server, which it may name as the place of artifacts.
        `is_awaited`: whether the client is still there; to one that is gone nothing is acknowledged.
        Raises InvalidParameterValue or BadRequest for a bad name, location or tag, ResourceAlreadyExists for a name
        that is taken.
        """
        decisions.check_create(command, self._artifact_root, reached_at)
        command = msgspec.structs.replace(
            command, artifact_location=absolute(command.artifact_location, self._working_folder)
        )
        for attempt in range(ATTEMPTS):
            holder = await self._known.lookups.one(EXPERIMENT_NAMED, command.name)
            if holder is not None and self._is_repeat(command, holder, actor):
                if is_awaited():
                    with suppress(OutcomeUnknown, EventInLog):  # it is created all the same
                        await self._acknowledge(holder.experiment_id, actor, request_id)
                return experiment_created(holder.experiment_id)
            owner = await self._owners.id_of(actor)
            event = decisions.create(command, holder, await self._next_id(), self._artifact_root, owner)
            try:
                await self._append_created(event, actor, request_id)
            except ResourceAlreadyExists:
                # Name or id went to another in the meantime; the next look says which.
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            if is_awaited():
                with suppress(Retryable):  # it is created all the same; a repeat would get the same answer
                    await self._acknowledge(event.experiment_id, actor, request_id)
            return experiment_created(event.experiment_id)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _is_repeat(self, command: CreateExperiment, holder: KnownExperiment, actor: Actor) -> bool:
        return decisions.is_repeat(command, holder, self._artifact_root, actor, self._time_ns() // 1_000_000)

    async def _acknowledge(self, experiment_id: int, actor: Actor, request_id: str) -> None:
        """Raises ResourceAlreadyExists when another request was acknowledged first."""
        await self._writer.append_and_wait(ExperimentAcknowledged(experiment_id=experiment_id), actor, request_id)

    async def ensure_default(self) -> None:
        """Create experiment 0 in an empty log: it is the first event of every log.

        Asks the log and not the read model, which after a loss may take minutes to be made again, and waits for no
        verdict: when another process is faster, its event is refused, which is as good.
        Raises LogUnavailable, LogOverloaded, OutcomeUnknown.
        """
        if not await self._writer.is_log_empty():
            return
        event = ExperimentCreated(
            experiment_id=DEFAULT_EXPERIMENT_ID,
            name=DEFAULT_EXPERIMENT_NAME,
            artifact_location=below(self._artifact_root, str(DEFAULT_EXPERIMENT_ID)),
        )
        await self._writer.append(event, SYSTEM, "")

    async def rename(self, command: UpdateExperiment, actor: Actor, request_id: str) -> bytes:
        """Give an active experiment a name that no other has. Answered when projected.

        Raises InvalidParameterValue for a name of blanks, InvalidState when it is deleted, BadRequest for a taken
        name.
        """
        decisions.check_name(command.new_name)
        experiment = await self._known.current(EXPERIMENTS, experiment_id_of(command.experiment_id))
        holder = await self._known.lookups.one(EXPERIMENT_NAMED, command.new_name)
        event = decisions.rename(command, experiment, holder)
        return await self._change(event, actor, request_id)

    async def delete(self, command: DeleteExperiment, actor: Actor, request_id: str) -> bytes:
        """Delete an active experiment, and with it its runs. Answered when projected. Raises ResourceDoesNotExist."""
        experiment = await self._known.current(EXPERIMENTS, experiment_id_of(command.experiment_id))
        return await self._change(decisions.delete(experiment), actor, request_id)

    async def restore(self, command: RestoreExperiment, actor: Actor, request_id: str) -> bytes:
        """Restore a deleted experiment, and with it its runs. Answered when projected. Raises ResourceDoesNotExist."""
        experiment = await self._known.current(EXPERIMENTS, experiment_id_of(command.experiment_id))
        return await self._change(decisions.restore(experiment), actor, request_id)

    async def _change(
        self, event: ExperimentRenamed | ExperimentDeleted | ExperimentRestored, actor: Actor, request_id: str
    ) -> bytes:
        await self._writer.append_change(EXPERIMENTS, event.experiment_id, event, actor, request_id)
        return EMPTY

    async def set_tag(self, command: SetExperimentTag, actor: Actor, request_id: str) -> bytes:
        """Set a tag of an active experiment. Answered when durable.

        Waits for the projection first when the tag is a saved view, of which there may be only so many.
        Raises InvalidParameterValue for a bad key, a deleted experiment, or a saved view too many.
        """
        decisions.check_set_tag(command)
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        saved_views: list[str] = []
        if decisions.is_saved_view(command.key):
            require_active_experiment(experiment)  # before the wait
            await self._known.catch_up()
            prefix = decisions.SAVED_VIEW_TAG_PREFIX
            saved_views = await self._known.lookups.all(
                EXPERIMENT_TAG_KEYS, experiment.experiment_id, len(prefix), prefix
            )
        await self._writer.append(decisions.set_tag(command, experiment, saved_views), actor, request_id)
        return EMPTY

    async def delete_tag(self, command: DeleteExperimentTag, actor: Actor, request_id: str) -> bytes:
        """Delete a tag that is set of an active experiment. Answered when durable.

        Waits for the projection first, for tags are answered before they are projected.
        Raises InvalidParameterValue for a deleted experiment, ResourceDoesNotExist.
        """
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        require_active_experiment(experiment)  # before the wait
        await self._known.catch_up()
        is_set = await self._known.lookups.one(EXPERIMENT_TAG, experiment.experiment_id, command.key) is not None
        await self._writer.append(decisions.delete_tag(command, experiment, is_set=is_set), actor, request_id)
        return EMPTY

    async def _next_id(self) -> int:
        """An id above every id this process knows of; no two calls return the same."""
        last_id = await self._known.lookups.one(LAST_EXPERIMENT_ID)
        self._last_id = max(self._last_id, -1 if last_id is None else last_id) + 1
        return self._last_id

    async def _append_created(self, event: ExperimentCreated, actor: Actor, request_id: str) -> None:
        stamped = await self._writer.append_and_wait(event, actor, request_id)
        self._known.created(
            EXPERIMENTS,
            event.experiment_id,
            KnownExperiment(
                experiment_id=event.experiment_id,
                name=event.name,
                artifact_location=event.artifact_location,
                active=True,
                lifecycle_us=stamped.time_us,
                lifecycle_revision=0,
            ),
        )
