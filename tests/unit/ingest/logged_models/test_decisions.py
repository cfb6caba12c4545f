"""History, command, expected event: logged models."""

import pytest

from ingest.experiments.state import KnownExperiment
from ingest.logged_models import decisions
from ingest.logged_models.state import KnownLoggedModel
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist, TracklogError
from schemas.events import (
    LoggedModelCreated,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    Param,
    Tag,
)
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.messages.message import KeyValue
from schemas.mlflow import MODEL_VERSIONS_TAG

EXPERIMENT = KnownExperiment(7, "name", "mlflow-artifacts:/7", True, 100, 4)
DELETED = KnownExperiment(7, "name", "mlflow-artifacts:/7", False, 100, 4)
MODEL = KnownLoggedModel("m-1", 7)


def test_a_new_model_keeps_what_it_was_given_but_long_values_are_cut() -> None:
    command = CreateLoggedModel(
        experiment_id="7",
        name="ignored",
        model_type="agent",
        source_run_id="r",
        params=[KeyValue(key="a?", value="1" * 6001)],
        tags=[KeyValue(key="t", value="v" * 9000)],
    )
    decisions.check_create(command)
    assert decisions.create(command, EXPERIMENT, "m-1", "n") == LoggedModelCreated(
        model_id="m-1",
        experiment_id=7,
        name="n",
        artifact_location="mlflow-artifacts:/7/models/m-1/artifacts",
        model_type="agent",
        source_run_id="r",
        params=[Param("a?", "1" * 6000)],
        tags=[Tag("t", "v" * 8000)],
    )


def test_a_deleted_experiment_takes_no_model() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.create(CreateLoggedModel(experiment_id="7"), DELETED, "m-1", "n")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (CreateLoggedModel(name="a/b"), InvalidParameterValue),
        (CreateLoggedModel(params=[KeyValue(value="1")]), InvalidParameterValue),
        (CreateLoggedModel(tags=[KeyValue(value="1")]), InvalidParameterValue),
        (CreateLoggedModel(params=[KeyValue(key="k"), KeyValue(key="k")]), BadRequest),
        (CreateLoggedModel(tags=[KeyValue(key="k"), KeyValue(key="k")]), BadRequest),
    ],
)
def test_bad_fields_of_a_new_model_are_refused(command: CreateLoggedModel, error: type[TracklogError]) -> None:
    with pytest.raises(error):
        decisions.check_create(command)


@pytest.mark.parametrize("status", ["LOGGED_MODEL_READY", 2, "2"])
def test_a_status_may_be_sent_as_name_or_number(status: str | int) -> None:
    command = FinalizeLoggedModel(model_id="m-1", status=status)
    number = decisions.status_of(command)
    assert decisions.finalize(MODEL, number) == LoggedModelFinalized(model_id="m-1", status=2)


@pytest.mark.parametrize("status", ["READY", "LOGGED_MODEL_STATUS_UNSPECIFIED", 0, 4, "", None])
def test_an_unknown_status_is_refused(status: str | int | None) -> None:
    with pytest.raises(InvalidParameterValue, match="status"):
        decisions.status_of(FinalizeLoggedModel(model_id="m-1", status=status))


def test_params_are_logged_whatever_their_keys_and_none_is_no_event() -> None:
    command = LogLoggedModelParams(params=[KeyValue(key="a?", value="v" * 9000), KeyValue(key="b")])
    assert decisions.log_params(command, MODEL, set()) == LoggedModelParamsLogged(
        model_id="m-1", params=[Param("a?", "v" * 6000), Param("b", "")]
    )
    assert decisions.log_params(LogLoggedModelParams(), MODEL, set()) is None
    with pytest.raises(BadRequest, match="of logged model 'm-1' exists already"):
        decisions.log_params(command, MODEL, {command.params[0].key})


def test_the_last_of_equal_tags_wins_and_none_is_no_event() -> None:
    command = SetLoggedModelTags(tags=[KeyValue(key="a", value="1"), KeyValue(key="a", value="2" * 8001)])
    decisions.check_set_tags(command)
    assert decisions.set_tags(command, MODEL) == LoggedModelTagsSet(model_id="m-1", tags=[Tag("a", "2" * 8000)])
    assert decisions.set_tags(SetLoggedModelTags(), MODEL) is None


def test_a_list_of_versions_is_kept_whole_or_refused() -> None:
    """Half a list is none, and so the versions in it would be lost."""
    command = SetLoggedModelTags(tags=[KeyValue(key=MODEL_VERSIONS_TAG, value="x" * 100_000), KeyValue(key="a")])
    decisions.check_set_tags(command)
    assert decisions.set_tags(command, MODEL) == LoggedModelTagsSet(
        model_id="m-1", tags=[Tag("a", ""), Tag(MODEL_VERSIONS_TAG, "x" * 100_000)]
    )
    with pytest.raises(InvalidParameterValue, match="100000"):
        decisions.check_set_tags(SetLoggedModelTags(tags=[KeyValue(key=MODEL_VERSIONS_TAG, value="x" * 100_001)]))


def test_keys_of_params_and_tags_are_checked() -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.check_params([KeyValue(value="1")])
    with pytest.raises(BadRequest):
        decisions.check_params([KeyValue(key="a"), KeyValue(key="a")])
    with pytest.raises(InvalidParameterValue):
        decisions.check_set_tags(SetLoggedModelTags(tags=[KeyValue(value="1")]))


def test_a_tag_that_is_not_there_is_not_deleted() -> None:
    command = DeleteLoggedModelTag(tag_key="a/b")
    assert decisions.delete_tag(command, MODEL, is_set=True) == LoggedModelTagDeleted(model_id="m-1", key="a/b")
    with pytest.raises(ResourceDoesNotExist, match="No tag with key 'a/b' found for model with ID 'm-1'"):
        decisions.delete_tag(command, MODEL, is_set=False)


@pytest.mark.parametrize("letter", "/:.%\"'")
def test_a_model_name_holds_no_punctuation_of_uris(letter: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.check_name(f"a{letter}b")
    decisions.check_name("a b-c_d é")
