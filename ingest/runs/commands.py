"""The commands about a run itself."""

import uuid

from ingest import answers
from ingest.admission.known_entities import Door
from ingest.admission.lookups import RunAtDoor, RunInfo
from ingest.log_writer import LogWriter, in_the_log
from ingest.runs import decisions
from ingest.runs.names import random_name
from ingest.validation import experiment_id_of
from schemas.envelope import Actor
from schemas.errors import ResourceDoesNotExist
from schemas.events import RunDeleted, RunRestored, RunUpdated
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun


class RunCommands:
    def __init__(self, writer: LogWriter, door: Door) -> None:
        self._writer = writer
        self._door = door

    async def create(self, command: CreateRun, actor: Actor, request_id: str) -> bytes:
        name = decisions.check_create(command)
        experiment = await self._door.experiment(experiment_id_of(command.experiment_id))
        event = decisions.create(command, experiment, uuid.uuid4().hex, name or random_name())
        stamped = await self._writer.append(event, actor, request_id)
        info = decisions.info_of_new(event)
        self._door.run_created(
            RunAtDoor(
                event.run_id,
                event.experiment_id,
                True,
                stamped.time_us,
                event.experiment_revision,
                info=info,
                is_bare=True,
            )
        )
        return answers.run_created(event)

    async def update(self, command: UpdateRun, actor: Actor, request_id: str) -> bytes:
        event = decisions.update(command)
        run = await self._door.active_run(command.run)
        if event is not None and run.info is not None:
            return answers.run_info(await self._update_known(run, run.info, event, actor, request_id))
        if event is None:
            await self._door.catch_up()
            return answers.run_info(await self._shown(run.run_id))
        await self._writer.append_and_hear(event, actor, request_id)
        with in_the_log():
            return answers.run_info(await self._shown(run.run_id))

    async def _update_known(
        self, run: RunAtDoor, before: RunInfo, event: RunUpdated, actor: Actor, request_id: str
    ) -> RunInfo:
        """Update a run of which everything is known here, which is answered when it is durable."""
        try:
            await self._writer.append(event, actor, request_id)
        except BaseException:
            run.info = None  # whether the event is in the log may be unknown
            raise
        if run.info is before:
            run.info = decisions.info_after(before, event)
            return run.info
        # Another change came between: the log has them in some order, which the read model will show.
        run.info = None
        with in_the_log():
            await self._door.catch_up()
            return await self._shown(run.run_id)

    async def _shown(self, run_id: str) -> RunInfo:
        info = await self._door.state.run_info(run_id)
        if info is None:
            raise ResourceDoesNotExist(f"Run with id={run_id} not found")
        return info

    async def delete(self, command: DeleteRun, actor: Actor, request_id: str) -> bytes:
        return await self._change_lifecycle(RunDeleted, command.run_id, actor, request_id)

    async def restore(self, command: RestoreRun, actor: Actor, request_id: str) -> bytes:
        return await self._change_lifecycle(RunRestored, command.run_id, actor, request_id)

    async def _change_lifecycle(
        self, change: type[RunDeleted | RunRestored], run_id: str, actor: Actor, request_id: str
    ) -> bytes:
        """Appended also when the run is in that state already: what the door knows may be late."""
        run = await self._door.run(run_id)
        experiment = await self._door.experiment_now(run.experiment_id)
        event = change(run_id=run.run_id, experiment_revision=experiment.lifecycle_revision)
        await self._writer.change(event, actor, request_id, changed=self._door.changed, doubtful=self._door.forget)
        return answers.EMPTY
