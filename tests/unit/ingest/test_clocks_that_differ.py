"""Two ingest processes whose clocks differ: every change of a lifecycle that was acknowledged holds."""

import asyncio
import itertools
from dataclasses import dataclass, field

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.experiments.lookups import EXPERIMENTS
from ingest.experiments.state import KnownExperiment
from ingest.runs.lookups import RUNS
from ingest.runs.state import KnownRun, is_active
from ingest.service import IngestService
from schemas.documents.runs import LIFECYCLE_STAGE
from schemas.envelope import EventClock
from schemas.errors import TracklogError
from schemas.messages.experiments import CreateExperiment, DeleteExperiment, RestoreExperiment
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun
from tests.examples import examples
from tests.unit.ingest.doubles import ANN, Deployment
from tests.unit.query_api.sqlite_rows import SqliteRows

NOW_US = 1_800_000_000_000_000


def clock(ahead_us: int) -> EventClock:
    """A clock that stands: the events of a process follow one another by a microsecond."""
    return EventClock(itertools.repeat((NOW_US + ahead_us) * 1000).__next__)


@dataclass
class Model:
    """What a single MLflow server would hold of one experiment: deleting or restoring it does so to each run."""

    active: bool = True
    runs: dict[str, bool] = field(default_factory=dict)

    def set_experiment(self, *, active: bool) -> None:
        self.active = active
        self.runs = dict.fromkeys(self.runs, active)


class System:
    """Processes that share a log and a read model."""

    def __init__(self, ahead_us: list[int]) -> None:
        self.deployment = Deployment(shared=True)
        self.processes = [self.deployment.another_process(shared=True, clock=clock(one)) for one in ahead_us]
        self.model = Model()
        self.experiment_id = ""

    async def begin(self, process: IngestService) -> None:
        created = await process.experiments.create(CreateExperiment(name="e"), ANN, "q")
        self.experiment_id = orjson.loads(created)["experiment_id"]

    async def act(self, process: IngestService, command: str, which: int) -> None:
        """Carry out a command here and in the model."""
        run_ids = list(self.model.runs)
        match command:
            case "delete" if self.model.active:
                await process.experiments.delete(DeleteExperiment(experiment_id=self.experiment_id), ANN, "q")
                self.model.set_experiment(active=False)
            case "restore" if not self.model.active:
                await process.experiments.restore(RestoreExperiment(experiment_id=self.experiment_id), ANN, "q")
                self.model.set_experiment(active=True)
            case "create":
                try:
                    answer = await process.runs.create(CreateRun(experiment_id=self.experiment_id), ANN, "q")
                except TracklogError:
                    return  # the process has not seen yet that the experiment was restored
                # One that has not seen a delete yet makes a run of a deleted experiment.
                self.model.runs[orjson.loads(answer)["run"]["info"]["run_id"]] = self.model.active
            case "delete run" if run_ids:
                run_id = run_ids[which % len(run_ids)]
                await process.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
                self.model.runs[run_id] = False
            case "restore run" if run_ids:
                run_id = run_ids[which % len(run_ids)]
                await process.runs.restore(RestoreRun(run_id=run_id), ANN, "q")
                self.model.runs[run_id] = True

    async def shown(self) -> dict[str, bool]:
        """Which runs are active when all that was acknowledged is seen."""
        known = self.deployment.another_process(shared=True).known
        await known.catch_up()
        experiment = await known.existing(EXPERIMENTS, int(self.experiment_id))
        return {run_id: is_active(await known.existing(RUNS, run_id), experiment) for run_id in self.model.runs}


COMMANDS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["create", "create", "delete", "restore", "delete run", "restore run"]),
        st.integers(0, 3),
    ),
    max_size=20,
)


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(commands=COMMANDS, ahead_us=st.sampled_from([[0, 0], [300_000, 0], [0, 300_000], [0, 3_600_000_000]]))
def test_every_acknowledged_change_of_a_lifecycle_holds(
    commands: list[tuple[int, str, int]], ahead_us: list[int]
) -> None:
    async def act() -> None:
        system = System(ahead_us)
        await system.begin(system.processes[0])
        for number, command, which in commands:
            await system.act(system.processes[number], command, which)
            assert await system.shown() == system.model.runs

    asyncio.run(act())


async def test_a_delete_by_a_process_whose_clock_is_behind_holds() -> None:
    fast, slow = (system := System([300_000, 0])).processes
    await system.begin(fast)
    await system.act(slow, "create", 0)
    await system.act(slow, "delete run", 0)
    assert list((await system.shown()).values()) == [False]


async def test_a_delete_of_an_experiment_reaches_the_runs_of_a_process_whose_clock_is_ahead() -> None:
    fast, slow = (system := System([300_000, 0])).processes
    await system.begin(slow)
    await system.act(fast, "create", 0)
    await system.act(slow, "delete", 0)
    assert list((await system.shown()).values()) == [False]


@given(
    run=st.builds(KnownRun, st.just("r"), st.just(1), st.booleans(), st.integers(1, 3), st.none() | st.integers(0, 2)),
    experiment=st.builds(
        KnownExperiment,
        st.just(1),
        st.just("e"),
        st.just("a"),
        st.booleans(),
        st.integers(1, 3),
        st.integers(0, 2),
    ),
)
def test_commands_and_reads_agree_on_who_is_active(run: KnownRun, experiment: KnownExperiment) -> None:
    rows = SqliteRows()
    rows.experiment(
        1,
        lifecycle_stage="active" if experiment.active else "deleted",
        lifecycle_us=experiment.lifecycle_us,
        lifecycle_revision=experiment.lifecycle_revision,
    )
    rows.run(
        "r",
        lifecycle_stage="active" if run.active else "deleted",
        lifecycle_us=run.lifecycle_us,
        experiment_revision=run.experiment_revision,
    )
    [(stage,)] = rows.connection.execute(
        f"SELECT {LIFECYCLE_STAGE} FROM runs r JOIN experiments e USING (experiment_id)"
    )
    rows.connection.close()
    assert stage == ("active" if is_active(run, experiment) else "deleted")
