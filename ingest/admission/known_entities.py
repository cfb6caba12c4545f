"""What the door knows of runs, experiments and logged models: a bounded cache in front of the read model.

A change of a lifecycle is acknowledged when the read model holds it; what was known of its stream is dropped then.
A look-up that is not found waits for the projection and looks again, so what was acknowledged is known here. Two things
make a later look-up wait for the projection as well, because the read model could still show what was before: the first
look-up of the process (a change acknowledged just before a crash), and a change whose outcome it was not told.

Changes that other processes make are heard of within MAX_AGE_S plus the lag of the projection when the door is shared.
Commands whose place between such changes matters do not look at what is known here: see `experiment_now`.
While the read model is away, a shared door goes on with what it knew last, however old: an outage then costs no metric
of a run that is under way. At most one question a second tries whether it is back.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from event_log.port import EventLog
from ingest.admission.lifecycle import require_active_experiment, require_active_run
from ingest.admission.lookups import DoorState, ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor
from ingest.admission.recently_used import RecentlyUsed
from read_model.progress import ProjectionProgress
from schemas.errors import ResourceDoesNotExist, Retryable
from schemas.events import EXPERIMENTS_ORDERING_UNIT

CAPACITY: Final = 20_000
"""Of runs, and of each other kind: some 20 MB when full."""

MAX_AGE_S: Final = 0.9
"""How long a shared door trusts what it knows of a lifecycle that others may change; a look-up takes some more."""

CATCH_UP_WAIT_S: Final = 10.0
"""Longer, and the client had better ask again."""

RETRY_S: Final = 1.0
"""How long after a look-up that failed old entries are used without another."""

K = TypeVar("K", str, int)
T = TypeVar("T", RunAtDoor, ExperimentAtDoor)


@dataclass(slots=True)
class _Seen(Generic[T]):
    entry: T
    at_s: float


class Door:
    """Finds what commands are about. One for all commands of a process. `clock` tells seconds."""

    def __init__(
        self,
        log: EventLog,
        progress: ProjectionProgress,
        state: DoorState,
        *,
        shared: bool = False,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.state = state
        self._log = log
        self._progress = progress
        self._shared = shared
        self._runs: RecentlyUsed[str, _Seen[RunAtDoor]] = RecentlyUsed(capacity)
        self._experiments: RecentlyUsed[int, _Seen[ExperimentAtDoor]] = RecentlyUsed(capacity)
        self._logged_models: RecentlyUsed[str, LoggedModelAtDoor] = RecentlyUsed(capacity)
        self._changes = 0
        """How many changes this process made; a look-up during which one was made may have seen what was before."""
        self._doubts = 1
        self._doubts_settled = 0
        self._away_until_s = 0.0

    # --- finding --------------------------------------------------------------------------------------------------

    async def active_run(self, run_id: str) -> RunAtDoor:
        """A run that takes writes.

        Raises ResourceDoesNotExist, InvalidParameterValue when it is deleted, ProjectionBehind, TemporarilyUnavailable.
        """
        run = await self.run(run_id)
        require_active_run(run, await self.experiment(run.experiment_id))
        return run

    async def active_experiment(self, experiment_id: int) -> ExperimentAtDoor:
        """An experiment that takes writes; raises as `active_run` does."""
        experiment = await self.experiment(experiment_id)
        require_active_experiment(experiment)
        return experiment

    async def run(self, run_id: str) -> RunAtDoor:
        """A run in whatever state. Raises ResourceDoesNotExist, ProjectionBehind, TemporarilyUnavailable."""
        run = await self._known(self._runs, run_id, self.state.run)
        if run is None:
            raise ResourceDoesNotExist(f"Run with id={run_id} not found")
        return run

    async def experiment(self, experiment_id: int) -> ExperimentAtDoor:
        """An experiment in whatever state; raises as `run` does."""
        experiment = await self._known(self._experiments, experiment_id, self.state.experiment)
        if experiment is None:
            raise ResourceDoesNotExist(f"No Experiment with id={experiment_id} exists")
        return experiment

    async def experiment_now(self, experiment_id: int) -> ExperimentAtDoor:
        """An experiment with every change that was acknowledged before the call, by whatever process.

        For commands about lifecycles, which say what of the experiment they come after. Raises as `run` does.
        """
        if self._shared:
            await self.catch_up(EXPERIMENTS_ORDERING_UNIT)
            experiment = await self.state.experiment(experiment_id)
            if experiment is not None:
                return experiment
        return await self.experiment(experiment_id)

    async def _known(
        self, cache: RecentlyUsed[K, _Seen[T]], key: K, ask: Callable[[K], Awaitable[T | None]]
    ) -> T | None:
        """What the door knows, or finds in the read model; while that is away, what it knew last."""
        seen = cache.get(key)
        if seen is None:
            return await self._look_up(cache, key, ask)
        if self._is_good(seen.at_s):
            return seen.entry
        was_seen_at_s = seen.at_s
        seen.at_s = self._now_s()  # one looks again, and the others go on meanwhile
        try:
            entry = await self._look_up(cache, key, ask)
        except Retryable:
            seen.at_s = was_seen_at_s
            self._away_until_s = self._now_s() + RETRY_S
            return seen.entry
        except BaseException:
            seen.at_s = was_seen_at_s
            raise
        self._away_until_s = 0.0
        return entry

    async def _look_up(
        self, cache: RecentlyUsed[K, _Seen[T]], key: K, ask: Callable[[K], Awaitable[T | None]]
    ) -> T | None:
        doubts = await self._settle_doubts()
        changes = self._changes
        entry = await ask(key)
        if entry is None:
            await self.catch_up()
            entry = await ask(key)
        if entry is None:
            return None
        known = cache.get(key)
        if known is not None and known.entry.lifecycle_us >= entry.lifecycle_us:
            entry = known.entry
        if doubts == self._doubts and changes == self._changes:
            cache.put(key, _Seen(entry, self._now_s()))
        return entry

    async def logged_model(self, model_id: str) -> LoggedModelAtDoor | None:
        """A logged model, deleted ones too, or None.

        What is known of it never changes: where it is, and that it takes writes, as a deleted one does in MLflow.
        Raises ProjectionBehind, TemporarilyUnavailable.
        """
        model = self._logged_models.get(model_id)
        if model is not None:
            return model
        model = await self.state.logged_model(model_id)
        if model is None:
            await self.catch_up()
            model = await self.state.logged_model(model_id)
        if model is not None:
            self._logged_models.put(model_id, model)
        return model

    async def catch_up(self, ordering_unit: str | None = None) -> None:
        """Return when the read model holds everything acknowledged before the call, or all of one ordering unit.

        Raises ProjectionBehind after CATCH_UP_WAIT_S, LogUnavailable.
        """
        end = await self._log.end()
        if ordering_unit is not None:
            partition = self._log.partition_of(ordering_unit)
            end = {partition: end[partition]}
        await self._progress.wait_until(end, CATCH_UP_WAIT_S)

    # --- hearing --------------------------------------------------------------------------------------------------

    def run_created(self, run: RunAtDoor) -> None:
        """This process made a run. What only its maker knows is worth nothing when others may change it."""
        if self._shared:
            run = replace(run, info=None, is_bare=False)
        self._runs.put(run.run_id, _Seen(run, self._now_s()))

    def experiment_created(self, experiment: ExperimentAtDoor) -> None:
        self._experiments.put(experiment.experiment_id, _Seen(experiment, self._now_s()))

    def logged_model_created(self, model: LoggedModelAtDoor) -> None:
        self._logged_models.put(model.model_id, model)

    def changed(self, stream: str) -> None:
        """This process changed a run or an experiment, and the read model holds it: look there from now on."""
        kind, _, key = stream.partition("/")
        if kind == "run":
            self._runs.drop(key)
        elif kind == "experiment":
            self._experiments.drop(int(key))
        self._changes += 1

    def forget(self, stream: str) -> None:
        """What is known of a run or an experiment may be out of date: the next look-up waits for the projection."""
        self.changed(stream)
        self._doubts += 1

    def forget_all(self) -> None:
        """As `forget`, for everything."""
        self._runs.clear()
        self._experiments.clear()
        self._logged_models.clear()
        self._doubts += 1

    # --------------------------------------------------------------------------------------------------------------

    async def _settle_doubts(self) -> int:
        """Wait for the projection if the read model may lag behind what was forgotten; how many doubts there were.

        A doubt that arises during a look-up makes its answer too old to be kept.
        """
        doubts = self._doubts
        if doubts != self._doubts_settled:
            await self.catch_up()
            self._doubts_settled = max(self._doubts_settled, doubts)
        return doubts

    def _is_good(self, seen_at_s: float) -> bool:
        """Whether what was seen then may be used now: it is young, or there is no asking just now."""
        if not self._shared:
            return True
        now_s = self._now_s()
        if now_s - seen_at_s <= MAX_AGE_S or now_s < self._away_until_s:
            return True
        if self._away_until_s:
            # The read model was away: let one try, and the others not wait for it.
            self._away_until_s = now_s + RETRY_S
        return False

    def _now_s(self) -> float:
        return self._clock() if self._shared else 0.0
