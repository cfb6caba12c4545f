"""The ingest role: every command, over one door and one log."""

import os
import time
from collections.abc import Callable

from event_log.port import EventLog
from ingest.admission.known_entities import Door
from ingest.admission.lookups import DoorState
from ingest.experiments.commands import ExperimentCommands
from ingest.log_writer import NOBODY_OBSERVES, LogWriter, WriteObserver
from ingest.logged_models.commands import LoggedModelCommands
from ingest.run_data.commands import RunDataCommands
from ingest.runs.commands import RunCommands
from read_model.progress import ProjectionProgress
from schemas.envelope import EventClock


class IngestService:
    """Commands by what they are about; each takes its request message, and answers with JSON bytes or a TracklogError.

    A refused command leaves no event when what refuses it is known before the append; a race that the fold decides
    leaves an event that changes nothing.
    `shared`: other processes write to the same log. `observer` counts what is written. `now_s` tells
    seconds, for how old what is known may be.
    """

    def __init__(
        self,
        log: EventLog,
        progress: ProjectionProgress,
        door_state: DoorState,
        artifact_root: str,
        clock: EventClock,
        *,
        shared: bool = False,
        observer: WriteObserver = NOBODY_OBSERVES,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        writer = LogWriter(log, progress, clock, observer)
        self.door = Door(log, progress, door_state, shared=shared, clock=now_s)
        self.experiments = ExperimentCommands(writer, self.door, artifact_root, os.getcwd())
        self.runs = RunCommands(writer, self.door)
        self.run_data = RunDataCommands(writer, self.door)
        self.logged_models = LoggedModelCommands(writer, self.door)

    async def ensure_default_experiment(self) -> None:
        """Create experiment 0 in an empty log; to be called before the first request is served.

        Raises LogUnavailable, LogOverloaded, OutcomeUnknown.
        """
        await self.experiments.ensure_default()
