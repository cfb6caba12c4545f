"""When a run takes writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.admission.lifecycle import is_active, require_active_run
from ingest.admission.lookups import ExperimentAtDoor, RunAtDoor
from schemas.errors import InvalidParameterValue


def run(lifecycle_us: int, *, active: bool, seen: int | None = None) -> RunAtDoor:
    return RunAtDoor("r", 7, active, lifecycle_us, seen)


def experiment(lifecycle_us: int, *, active: bool, revision: int = 5) -> ExperimentAtDoor:
    return ExperimentAtDoor(7, "n", "loc", active, lifecycle_us, revision)


@pytest.mark.parametrize("run_active", [True, False])
@pytest.mark.parametrize("experiment_active", [True, False])
@pytest.mark.parametrize(("run_us", "experiment_us"), [(2, 1), (1, 2), (1, 1)])
def test_of_old_events_the_later_change_decides_and_at_one_time_the_experiments(
    run_active: bool, experiment_active: bool, run_us: int, experiment_us: int
) -> None:
    decides = run_active if run_us > experiment_us else experiment_active
    assert is_active(run(run_us, active=run_active), experiment(experiment_us, active=experiment_active)) == decides


@pytest.mark.parametrize("run_us", [1, 3])
@pytest.mark.parametrize(("seen", "own"), [(4, False), (5, True), (6, True)])
def test_a_run_follows_its_experiment_where_its_writer_had_not_seen_the_last_change(
    run_us: int, seen: int, own: bool
) -> None:
    for active in (True, False):
        decides = active if own else not active
        assert is_active(run(run_us, active=active, seen=seen), experiment(2, active=not active)) == decides


@given(st.booleans(), st.integers(1, 3), st.booleans(), st.integers(1, 3))
def test_a_run_takes_writes_exactly_when_it_is_active(a: bool, a_us: int, b: bool, b_us: int) -> None:
    one, its_experiment = run(a_us, active=a), experiment(b_us, active=b)
    if is_active(one, its_experiment):
        require_active_run(one, its_experiment)
    else:
        with pytest.raises(InvalidParameterValue, match="active"):
            require_active_run(one, its_experiment)
