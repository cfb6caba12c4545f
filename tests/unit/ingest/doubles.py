"""The door's ports in memory: a projection that folds a MemoryEventLog when someone waits for it, and not before."""

from collections.abc import Sequence

from event_log.memory_event_log import MemoryEventLog
from ingest.admission.lifecycle import is_active
from ingest.admission.lookups import DoorState, ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo
from ingest.service import IngestService
from projector.fold import fold
from projector.working_set import WorkingSet
from read_model.progress import ProgressReport, ProjectionBehind, ProjectionProgress
from schemas import codec
from schemas.envelope import Actor, EventClock, EventData, Position, Positions
from schemas.errors import TemporarilyUnavailable, TracklogError
from schemas.events import AnyEvent

ANN = Actor(user="ann")


class MemoryProjection(ProjectionProgress, DoorState):
    """What the fold makes of a log of one partition, as far as anybody waited for it.

    `is_stuck`: it never gets on. `is_away`: nobody can ask it; `asked` counts who tries.
    """

    def __init__(self, log: MemoryEventLog) -> None:
        self.is_stuck = False
        self.is_away = False
        self.asked = 0
        self.waits = 0
        self._log = log
        self._rows = WorkingSet()
        self._next_offset = 0
        self._refusals: dict[int, TracklogError] = {}

    # --- ProjectionProgress -----------------------------------------------------------------------------------------

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        self.waits += 1
        if positions[0] <= self._next_offset:
            return
        if self.is_stuck:
            raise ProjectionBehind(f"stuck at 0:{self._next_offset}")
        for recorded in await self._log.read(0, self._next_offset, limit=positions[0] - self._next_offset):
            try:
                fold(self._rows, recorded, codec.decode(recorded))
            except TracklogError as refusal:
                self._refusals[recorded.offset] = refusal
            self._next_offset = recorded.offset + 1

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        await self.wait_until({0: position.offset + 1}, timeout_s)
        return self._refusals.get(position.offset)

    def require_listening(self) -> None:
        if self.is_away:
            raise TemporarilyUnavailable("the read model is away")

    def report(self) -> ProgressReport:
        return ProgressReport({0: self._next_offset}, 0)

    def _ask(self) -> None:
        self.asked += 1
        if self.is_away:
            raise TemporarilyUnavailable("the read model is away")

    # --- DoorState --------------------------------------------------------------------------------------------------

    async def experiment(self, experiment_id: int) -> ExperimentAtDoor | None:
        self._ask()
        row = self._rows.experiments.get(experiment_id)
        if row is None:
            return None
        return ExperimentAtDoor(
            row.experiment_id,
            row.name,
            row.artifact_location,
            row.active,
            row.lifecycle_us,
            row.lifecycle_revision,
            row.creation_time_ms,
            row.claim,
        )

    async def experiment_named(self, name: str) -> ExperimentAtDoor | None:
        experiment_id = self._rows.experiment_ids.get(name)
        return None if experiment_id is None else await self.experiment(experiment_id)

    async def last_experiment_id(self) -> int | None:
        return max(self._rows.experiments, default=None)

    async def has_experiment_tag(self, experiment_id: int, key: str) -> bool:
        return self._rows.experiment_tags.get((experiment_id, key)) is not None

    async def experiment_tag_keys(self, experiment_id: int, prefix: str) -> list[str]:
        return [
            key
            for (owner, key), value in self._rows.experiment_tags.items()
            if owner == experiment_id and key.startswith(prefix) and value is not None
        ]

    async def run(self, run_id: str) -> RunAtDoor | None:
        self._ask()
        row = self._rows.runs.get(run_id)
        if row is None:
            return None
        return RunAtDoor(row.run_id, row.experiment_id, row.active, row.lifecycle_us, row.experiment_revision)

    async def run_info(self, run_id: str) -> RunInfo | None:
        row = self._rows.runs.get(run_id)
        run = await self.run(run_id)
        experiment = None if run is None else await self.experiment(run.experiment_id)
        if row is None or run is None or experiment is None:
            return None
        return RunInfo(
            run_id,
            row.experiment_id,
            row.name,
            row.user_id,
            row.status,
            row.start_time_ms,
            row.end_time_ms,
            row.artifact_uri,
            is_active(run, experiment),
        )

    async def params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        row = self._rows.runs.get(run_id)
        return {key: row.params[key] for key in keys if key in row.params} if row else {}

    async def has_run_tag(self, run_id: str, key: str) -> bool:
        row = self._rows.runs.get(run_id)
        return row is not None and row.tags.get(key) is not None

    async def logged_models_output(self, run_id: str, model_ids: Sequence[str]) -> set[str]:
        row = self._rows.runs.get(run_id)
        return row.model_outputs & set(model_ids) if row else set()

    async def logged_model(self, model_id: str) -> LoggedModelAtDoor | None:
        row = self._rows.logged_models.get(model_id)
        return None if row is None else LoggedModelAtDoor(row.model_id, row.experiment_id)

    async def logged_model_params(self, model_id: str, keys: Sequence[str]) -> set[str]:
        row = self._rows.logged_models.get(model_id)
        return row.params.keys() & set(keys) if row else set()

    async def has_logged_model_tag(self, model_id: str, key: str) -> bool:
        row = self._rows.logged_models.get(model_id)
        return row is not None and row.tags.get(key) is not None

    async def logged_model_json(self, model_id: str) -> bytes | None:
        row = self._rows.logged_models.get(model_id)
        return None if row is None else b'{"model":{"info":{"model_id":"%s"}}}' % model_id.encode()


class House:
    """An ingest service on an empty log, and what one wants to see of it. `now_s` is what its clock shows."""

    def __init__(self, *, shared: bool = False) -> None:
        self.log = MemoryEventLog()
        self.clock = EventClock()
        self.now_s = 1000.0
        self.projection = MemoryProjection(self.log)
        self.ingest = self.another_process(shared=shared)

    def another_process(self, *, shared: bool = False, clock: EventClock | None = None) -> IngestService:
        """A service that shares log and read model, and knows nothing of what others did."""
        return IngestService(
            self.log,
            self.projection,
            self.projection,
            "mlflow-artifacts:/",
            clock or self.clock,
            shared=shared,
            now_s=lambda: self.now_s,
        )

    async def append(self, event: AnyEvent) -> EventData:
        """What another process appends."""
        stamped = self.clock.stamp(event, ANN, "elsewhere")
        await self.log.append([stamped])
        return stamped

    async def events(self) -> list[AnyEvent]:
        """Every event in the log."""
        return [codec.decode(recorded) for recorded in await self.log.read(0, 0, limit=100_000)]

    async def count(self) -> int:
        return (await self.log.end())[0]
