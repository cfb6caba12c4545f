"""History, command, expected event: experiments."""

import pytest

from ingest.experiments import decisions
from ingest.experiments.state import KnownExperiment
from schemas.errors import (
    BadRequest,
    InvalidParameterValue,
    InvalidState,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from schemas.events import ExperimentCreated, ExperimentRenamed, ExperimentTagSet, Tag
from schemas.messages.experiments import (
    CreateExperiment,
    DeleteExperimentTag,
    ExperimentTag,
    SetExperimentTag,
    UpdateExperiment,
)

ROOT = "mlflow-artifacts:/"


def experiment(experiment_id: int = 7, *, active: bool = True) -> KnownExperiment:
    return KnownExperiment(experiment_id, "name", f"mlflow-artifacts:/{experiment_id}", active, 100, 0)


def test_an_experiment_lies_below_the_artifact_root_by_default() -> None:
    event = decisions.create(CreateExperiment(name="n", tags=[ExperimentTag(key="k", value="v")]), None, 7, ROOT)
    assert event == ExperimentCreated(
        experiment_id=7,
        name="n",
        artifact_location="mlflow-artifacts:/7",
        tags=[Tag("k", "v")],
        awaits_acknowledgement=True,
    )


def test_a_given_artifact_location_is_kept() -> None:
    event = decisions.create(CreateExperiment(name="n", artifact_location="s3://b/x/"), None, 7, ROOT)
    assert event.artifact_location == "s3://b/x/"


@pytest.mark.parametrize("active", [True, False])
def test_a_name_is_taken_also_by_a_deleted_experiment(active: bool) -> None:
    with pytest.raises(ResourceAlreadyExists):
        decisions.create(CreateExperiment(name="name"), experiment(active=active), 8, ROOT)


@pytest.mark.parametrize(
    "command",
    [
        CreateExperiment(name="n", artifact_location="runs:/a"),
        CreateExperiment(name="n", tags=[ExperimentTag(key="a?", value="v")]),
        CreateExperiment(name="n", tags=[ExperimentTag(key="", value="v")]),
        CreateExperiment(name="n", tags=[ExperimentTag(key=f"mlflow.customView.view.{n}") for n in range(51)]),
    ],
)
def test_bad_fields_of_a_new_experiment_are_refused(command: CreateExperiment) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.check_create(command, ROOT)


def test_a_tag_twice_in_one_create_is_refused() -> None:
    with pytest.raises(BadRequest):
        decisions.check_create(CreateExperiment(name="n", tags=[ExperimentTag(key="k"), ExperimentTag(key="k")]), ROOT)


def test_a_rename_to_its_own_name_is_taken() -> None:
    event = decisions.rename(UpdateExperiment(experiment_id="7", new_name="name"), experiment(7), experiment(7))
    assert event == ExperimentRenamed(experiment_id=7, name="name")


def test_a_rename_to_anothers_name_is_refused() -> None:
    with pytest.raises(BadRequest):
        decisions.rename(UpdateExperiment(experiment_id="7", new_name="name"), experiment(7), experiment(8))


def test_a_deleted_experiment_is_not_renamed() -> None:
    with pytest.raises(InvalidState):
        decisions.rename(UpdateExperiment(experiment_id="7", new_name="n"), experiment(active=False), None)


def test_only_an_active_experiment_is_deleted_and_only_a_deleted_one_restored() -> None:
    assert decisions.delete(experiment(7)).experiment_id == 7
    assert decisions.restore(experiment(7, active=False)).experiment_id == 7
    with pytest.raises(ResourceDoesNotExist):
        decisions.delete(experiment(active=False))
    with pytest.raises(ResourceDoesNotExist):
        decisions.restore(experiment())


def test_tags_of_a_deleted_experiment_stay_as_they_are() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.set_tag(SetExperimentTag(key="k", value="v"), experiment(active=False), [])
    with pytest.raises(InvalidParameterValue):
        decisions.delete_tag(DeleteExperimentTag(key="k"), experiment(active=False), is_set=True)


def test_a_missing_tag_is_not_deleted() -> None:
    with pytest.raises(ResourceDoesNotExist):
        decisions.delete_tag(DeleteExperimentTag(key="k"), experiment(), is_set=False)


def test_the_fifty_first_saved_view_is_refused_and_a_changed_one_is_not() -> None:
    views = [f"mlflow.customView.view.{n}" for n in range(50)]
    changed = decisions.set_tag(SetExperimentTag(key=views[3], value="v"), experiment(7), views)
    assert changed == ExperimentTagSet(experiment_id=7, key=views[3], value="v")
    assert decisions.set_tag(SetExperimentTag(key="other", value="v"), experiment(7), views).key == "other"
    with pytest.raises(InvalidParameterValue):
        decisions.set_tag(SetExperimentTag(key="mlflow.customView.view.new"), experiment(), views)
