"""When a run takes writes, and what is known of it after a change."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.experiments.state import KnownExperiment
from ingest.runs.state import (
    KnownRun,
    RunInfo,
    info_after,
    is_active,
    require_active_run,
    updated,
    with_params,
    without_info,
)
from schemas.errors import InvalidParameterValue
from schemas.events import RunUpdated


def run(lifecycle_us: int, *, active: bool, seen: int | None = None) -> KnownRun:
    return KnownRun("r", 7, active, lifecycle_us, seen)


def experiment(lifecycle_us: int, *, active: bool, revision: int = 5) -> KnownExperiment:
    return KnownExperiment(7, "n", "loc", active, lifecycle_us, revision)


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


INFO = RunInfo("r", 7, "n", "u", "RUNNING", 5, None, "uri", active=True)
KNOWN = KnownRun("r", 7, True, 1, 5, info=INFO, has_no_params=True)
ENDED = RunUpdated(run_id="r", status="FINISHED", end_time_ms=9)


def test_an_update_changes_the_fields_that_were_sent() -> None:
    assert info_after(INFO, ENDED) == replace(INFO, status="FINISHED", end_time_ms=9)
    assert info_after(INFO, RunUpdated(run_id="r", name="other")) == replace(INFO, name="other")


def test_a_run_is_known_after_an_update_unless_another_change_came_between() -> None:
    assert updated(KNOWN, INFO, ENDED).info == info_after(INFO, ENDED)
    between = updated(KNOWN, INFO, RunUpdated(run_id="r", name="other"))
    assert updated(between, INFO, ENDED).info is None
    assert updated(without_info(KNOWN), INFO, ENDED).info is None


def test_what_is_known_of_params_and_of_the_rest_of_a_run_is_forgotten_apart() -> None:
    assert with_params(KNOWN) == replace(KNOWN, has_no_params=False)
    assert without_info(KNOWN) == replace(KNOWN, info=None)
