"""History, command, expected event: a run itself."""

import pytest

from ingest.experiments.state import KnownExperiment
from ingest.runs import decisions
from ingest.runs.state import KnownRun
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.events import RunCreated, RunDeleted, RunRestored, RunUpdated, Tag
from schemas.messages.message import KeyValue
from schemas.messages.runs import CreateRun, UpdateRun

EXPERIMENT = KnownExperiment(7, "name", "mlflow-artifacts:/7", True, 100, 4)
DELETED = KnownExperiment(7, "name", "mlflow-artifacts:/7", False, 100, 4)
RUN = KnownRun("r", 7, True, 200, 4)
DELETED_RUN = KnownRun("r", 7, False, 200, 4)
NAME_TAG = "mlflow.runName"


def test_a_new_run_keeps_what_it_was_given_and_its_name_once() -> None:
    command = CreateRun(
        experiment_id="7", user_id="u", start_time=5, tags=[KeyValue(key="a", value="b"), KeyValue(key=NAME_TAG)]
    )
    assert decisions.create(command, EXPERIMENT, "r", "n") == RunCreated(
        run_id="r",
        experiment_id=7,
        name="n",
        user_id="u",
        start_time_ms=5,
        artifact_uri="mlflow-artifacts:/7/r/artifacts",
        tags=[Tag("a", "b")],
        experiment_revision=4,
    )


@pytest.mark.parametrize(
    ("run_name", "tags", "name"),
    [
        ("n", [], "n"),
        ("", [KeyValue(key=NAME_TAG, value="t")], "t"),
        ("n", [KeyValue(key=NAME_TAG, value="n")], "n"),
        ("", [], ""),
    ],
)
def test_a_run_is_named_by_its_field_or_its_tag(run_name: str, tags: list[KeyValue], name: str) -> None:
    assert decisions.check_create(CreateRun(experiment_id="7", run_name=run_name, tags=tags)) == name


def test_two_names_for_one_run_are_refused() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.check_create(CreateRun(experiment_id="7", run_name="n", tags=[KeyValue(key=NAME_TAG, value="other")]))


def test_a_run_without_experiment_is_refused() -> None:
    with pytest.raises(BadRequest):
        decisions.check_create(CreateRun())


def test_a_tag_twice_on_a_new_run_is_refused_even_with_one_value() -> None:
    with pytest.raises(BadRequest):
        decisions.check_create(CreateRun(experiment_id="7", tags=[KeyValue(key="a"), KeyValue(key="a")]))


def test_keys_of_a_new_runs_tags_may_hold_any_characters_and_long_values_are_cut() -> None:
    tags = [KeyValue(key="a?//", value="v" * 9000)]
    command = CreateRun(experiment_id="7", tags=tags)
    decisions.check_create(command)
    assert decisions.create(command, EXPERIMENT, "r", "n").tags == [Tag("a?//", "v" * 8000)]


def test_a_tag_of_a_new_run_needs_a_key() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.check_create(CreateRun(experiment_id="7", tags=[KeyValue()]))


def test_an_empty_name_tag_of_a_new_run_is_as_if_it_were_not_there() -> None:
    tags = [KeyValue(key="mlflow.runName", value="")]
    assert decisions.check_create(CreateRun(experiment_id="7", tags=tags)) == ""
    command = CreateRun(experiment_id="7", run_name="n", tags=tags)
    assert decisions.check_create(command) == "n"
    assert decisions.create(command, EXPERIMENT, "r", "n").tags == []


def test_a_name_that_comes_as_a_tag_is_cut_like_the_tag() -> None:
    command = CreateRun(experiment_id="7", tags=[KeyValue(key="mlflow.runName", value="n" * 8001)])
    assert decisions.check_create(command) == "n" * 8000


def test_a_deleted_experiment_takes_no_run() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.create(CreateRun(experiment_id="7"), DELETED, "r", "n")


def update(command: UpdateRun, run: KnownRun = RUN) -> RunUpdated | None:
    return decisions.update(command, decisions.status_of(command), run, EXPERIMENT)


@pytest.mark.parametrize("status", ["FINISHED", 3, "3"])
def test_a_status_may_be_sent_as_name_or_number(status: str | int) -> None:
    assert update(UpdateRun(run_id="r", status=status)) == RunUpdated(run_id="r", status="FINISHED")


@pytest.mark.parametrize("status", ["", "finished", "BOGUS", 0, 6, -1, 2**62, "03"])
def test_an_unknown_status_is_refused(status: str | int) -> None:
    with pytest.raises(InvalidParameterValue, match="status"):
        update(UpdateRun(run_id="r", status=status))


def test_an_update_holds_only_what_was_sent() -> None:
    assert update(UpdateRun(run_uuid="r", end_time=0)) == RunUpdated(run_id="r", end_time_ms=0)
    assert update(UpdateRun(run_id="r", run_name="n")) == RunUpdated(run_id="r", name="n")


def test_an_update_of_nothing_is_no_event() -> None:
    assert update(UpdateRun(run_id="r", run_name="")) is None


@pytest.mark.parametrize("command", [UpdateRun(run_id="r", status="FINISHED"), UpdateRun(run_id="r")])
def test_a_deleted_run_is_not_updated_not_even_with_nothing(command: UpdateRun) -> None:
    with pytest.raises(InvalidParameterValue, match="active"):
        update(command, DELETED_RUN)


@pytest.mark.parametrize("run", [RUN, DELETED_RUN])
def test_a_run_is_deleted_and_restored_in_whatever_state_after_what_is_known_of_its_experiment(run: KnownRun) -> None:
    assert decisions.delete(run, DELETED) == RunDeleted(run_id="r", experiment_revision=4)
    assert decisions.restore(run, DELETED) == RunRestored(run_id="r", experiment_revision=4)
