"""The commands about a run itself.

Each takes a request message, the actor and the id of the request, and answers with JSON. Raises ResourceDoesNotExist
when there is no such run, and what KnownEntities and LogWriter raise.
"""

import uuid

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter, in_the_log
from ingest.runs import decisions
from ingest.runs.answers import run_created, run_updated
from ingest.runs.lookups import RUN_INFO, RUNS
from ingest.runs.names import random_name
from ingest.runs.state import KnownRun, RunInfo, updated, without_info
from schemas.envelope import Actor
from schemas.events import RunUpdated
from schemas.messages.experiments import experiment_id_of
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun


class RunCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def create(self, command: CreateRun, actor: Actor, request_id: str) -> bytes:
        """A new run of an active experiment, with a name of its own when it is given none. Answered when durable.

        From then on it takes writes here. What it is beside its lifecycle is remembered where no other process can
        change it.
        Raises BadRequest for a missing experiment id or a tag given twice, InvalidParameterValue for a deleted
        experiment or two names, ResourceDoesNotExist for an unknown experiment.
        """
        name = decisions.check_create(command)
        experiment = await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
        event = decisions.create(command, experiment, uuid.uuid4().hex, name or random_name())
        stamped = await self._writer.append(event, actor, request_id)
        info = decisions.info_of_new(event)
        is_alone = not self._known.is_shared
        run = KnownRun(
            run_id=event.run_id,
            experiment_id=event.experiment_id,
            active=True,
            lifecycle_us=stamped.time_us,
            experiment_revision=event.experiment_revision,
            info=info if is_alone else None,
            has_no_params=is_alone,
        )
        self._known.created(RUNS, event.run_id, run)
        return run_created(info, event)

    async def update(self, command: UpdateRun, actor: Actor, request_id: str) -> bytes:
        """Set the status, the end time or the name of an active run, and answer with the run as it is then.

        There are three ways to know what it is then:

        - The run was made here, and so was every change since (its `info` is known): answered when durable, with what
          the event makes of that info. When another change of the run came between, the two are in the log in an order
          that only the read model shows, which is waited for.
        - Any other run: answered when projected, with what the read model shows.
        - A command that changes nothing leaves no event: it waits for the projection, and answers with what that shows.

        Raises InvalidParameterValue for an unknown status or a deleted run; EventInLog when the event is in the log and
        the run cannot be shown.
        """
        status = decisions.status_of(command)
        run = await self._known.existing(RUNS, command.run)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        event = decisions.update(command, status, run, experiment)
        if event is None:
            await self._known.catch_up()
            return run_updated(await self._shown(run.run_id))
        if run.info is not None:
            return run_updated(await self._update_known(run.info, event, actor, request_id))
        await self._writer.append_and_wait(event, actor, request_id)
        with in_the_log():
            return run_updated(await self._shown(run.run_id))

    async def _update_known(self, before: RunInfo, event: RunUpdated, actor: Actor, request_id: str) -> RunInfo:
        try:
            await self._writer.append(event, actor, request_id)
        except BaseException:
            self._known.amend(RUNS, event.run_id, without_info)  # whether the event is in the log may be unknown
            raise
        run = self._known.amend(RUNS, event.run_id, updated, before, event)
        if run is not None and run.info is not None:
            return run.info
        with in_the_log():
            await self._known.catch_up()
            return await self._shown(event.run_id)

    async def _shown(self, run_id: str) -> RunInfo:
        """What the read model shows of the run. Raises ResourceDoesNotExist."""
        info = await self._known.lookups.one(RUN_INFO, run_id)
        if info is None:
            raise RUNS.not_found(run_id)
        return info

    async def delete(self, command: DeleteRun, actor: Actor, request_id: str) -> bytes:
        """Delete a run, in whatever state. Answered when projected.

        The event notes how much of the lifecycle of its experiment it comes after, and so is decided on what is current
        of that.
        """
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.current(EXPERIMENTS, run.experiment_id)
        await self._writer.append_change(RUNS, run.run_id, decisions.delete(run, experiment), actor, request_id)
        return EMPTY

    async def restore(self, command: RestoreRun, actor: Actor, request_id: str) -> bytes:
        """Restore a run, in whatever state; it is active then also in a deleted experiment. As `delete` otherwise."""
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.current(EXPERIMENTS, run.experiment_id)
        await self._writer.append_change(RUNS, run.run_id, decisions.restore(run, experiment), actor, request_id)
        return EMPTY
