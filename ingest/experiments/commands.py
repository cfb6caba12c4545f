"""The commands about experiments."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from event_log.port import OutcomeUnknown
from ingest import answers
from ingest.admission.known_entities import Door
from ingest.admission.lookups import ExperimentAtDoor
from ingest.artifact_paths import absolute, below
from ingest.experiments import decisions
from ingest.log_writer import LogWriter
from ingest.proxy_address import ProxyAddress
from ingest.validation import experiment_id_of
from read_model.progress import EventInLog
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
)

DEFAULT_EXPERIMENT_ID: Final = 0
DEFAULT_EXPERIMENT_NAME: Final = "Default"
"""Where stock clients log when they name no experiment."""

ATTEMPTS: Final = 20
"""Each attempt loses only when another process took the same id between its look-up and its append."""


class ExperimentCommands:
    """`working_folder` is what relative artifact locations are seen from."""

    def __init__(
        self,
        writer: LogWriter,
        door: Door,
        artifact_root: str,
        working_folder: str,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._writer = writer
        self._door = door
        self._artifact_root = artifact_root
        self._working_folder = working_folder
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
        """Create an experiment, or answer as the request that did and was not answered.

        `reached_at` is where the client reached this server, which it may name as the place of artifacts.
        `is_awaited`: whether somebody is there to hear the answer; nothing is acknowledged to nobody.
        """
        decisions.check_create(command, self._artifact_root, reached_at)
        command = msgspec.structs.replace(
            command, artifact_location=absolute(command.artifact_location, self._working_folder)
        )
        for attempt in range(ATTEMPTS):
            holder = await self._door.state.experiment_named(command.name)
            if holder is not None and self._is_repeat(command, holder, actor):
                if is_awaited():
                    with suppress(OutcomeUnknown, EventInLog):  # it is created all the same
                        await self._acknowledge(holder.experiment_id, actor, request_id)
                return answers.experiment_created(holder.experiment_id)
            event = decisions.create(command, holder, await self._next_id(), self._artifact_root)
            try:
                await self._append_created(event, actor, request_id)
            except ResourceAlreadyExists:
                # Name or id went to another in the meantime; the next look says which.
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            if is_awaited():
                with suppress(Retryable):  # it is created all the same; only a repeat would be told so once more
                    await self._acknowledge(event.experiment_id, actor, request_id)
            return answers.experiment_created(event.experiment_id)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _is_repeat(self, command: CreateExperiment, holder: ExperimentAtDoor, actor: Actor) -> bool:
        return decisions.is_repeat(command, holder, self._artifact_root, actor, self._time_ns() // 1_000_000)

    async def _acknowledge(self, experiment_id: int, actor: Actor, request_id: str) -> None:
        """Raises ResourceAlreadyExists when another request was acknowledged first."""
        await self._writer.append_and_hear(ExperimentAcknowledged(experiment_id=experiment_id), actor, request_id)

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
        decisions.check_name(command.new_name)
        experiment = await self._door.experiment_now(experiment_id_of(command.experiment_id))
        holder = await self._door.state.experiment_named(command.new_name)
        event = decisions.rename(command, experiment, holder)
        return await self._change(event, actor, request_id)

    async def delete(self, command: DeleteExperiment, actor: Actor, request_id: str) -> bytes:
        experiment = await self._door.experiment_now(experiment_id_of(command.experiment_id))
        return await self._change(decisions.delete(experiment), actor, request_id)

    async def restore(self, command: RestoreExperiment, actor: Actor, request_id: str) -> bytes:
        experiment = await self._door.experiment_now(experiment_id_of(command.experiment_id))
        return await self._change(decisions.restore(experiment), actor, request_id)

    async def _change(
        self, event: ExperimentRenamed | ExperimentDeleted | ExperimentRestored, actor: Actor, request_id: str
    ) -> bytes:
        await self._writer.change(event, actor, request_id, changed=self._door.changed, doubtful=self._door.forget)
        return answers.EMPTY

    async def set_tag(self, command: SetExperimentTag, actor: Actor, request_id: str) -> bytes:
        decisions.check_set_tag(command)
        experiment = await self._door.active_experiment(experiment_id_of(command.experiment_id))
        saved_views: list[str] = []
        if decisions.is_saved_view(command.key):
            await self._door.catch_up()
            saved_views = await self._door.state.experiment_tag_keys(
                experiment.experiment_id, decisions.SAVED_VIEW_TAG_PREFIX
            )
        await self._writer.append(decisions.set_tag(command, experiment, saved_views), actor, request_id)
        return answers.EMPTY

    async def delete_tag(self, command: DeleteExperimentTag, actor: Actor, request_id: str) -> bytes:
        experiment = await self._door.active_experiment(experiment_id_of(command.experiment_id))
        await self._door.catch_up()
        is_set = await self._door.state.has_experiment_tag(experiment.experiment_id, command.key)
        await self._writer.append(decisions.delete_tag(command, experiment, is_set=is_set), actor, request_id)
        return answers.EMPTY

    async def _next_id(self) -> int:
        """An id above every id this process knows of; no two calls return the same."""
        last_id = await self._door.state.last_experiment_id()
        self._last_id = max(self._last_id, -1 if last_id is None else last_id) + 1
        return self._last_id

    async def _append_created(self, event: ExperimentCreated, actor: Actor, request_id: str) -> None:
        stamped = await self._writer.append_and_hear(event, actor, request_id)
        self._door.experiment_created(
            ExperimentAtDoor(event.experiment_id, event.name, event.artifact_location, True, stamped.time_us, 0)
        )
