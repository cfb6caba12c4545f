"""Experiments as the stock client sees them."""

import time

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException, RestException

from tests.compatibility.conftest import fresh_name
from tests.eventually import wait_for_the_next_millisecond
from tests.present import present


def test_the_default_experiment_is_there_from_the_start(client: MlflowClient) -> None:
    default = client.get_experiment("0")
    assert default.name == "Default"
    assert default.lifecycle_stage == "active"
    assert present(client.get_experiment_by_name("Default")).experiment_id == "0"


def test_the_default_experiment_can_be_renamed_deleted_and_restored(client: MlflowClient) -> None:
    name = fresh_name("default")
    client.rename_experiment("0", name)
    try:
        assert client.get_experiment("0").name == name
        assert client.get_experiment_by_name("Default") is None
    finally:
        client.rename_experiment("0", "Default")
    client.delete_experiment("0")
    try:
        assert client.get_experiment("0").lifecycle_stage == "deleted"
    finally:
        client.restore_experiment("0")
    assert present(client.get_experiment_by_name("Default")).lifecycle_stage == "active"


def test_a_created_experiment_reads_back_with_its_tags_and_times(client: MlflowClient) -> None:
    before_ms = int(time.time() * 1000)
    name = fresh_name()
    experiment_id = client.create_experiment(name, tags={"team": "red", "mlflow.note.content": "a *note*"})
    experiment = client.get_experiment(experiment_id)
    assert experiment_id.isdecimal()
    assert experiment.name == name
    assert experiment.tags == {"team": "red", "mlflow.note.content": "a *note*"}
    assert experiment.lifecycle_stage == "active"
    assert before_ms - 1000 <= present(experiment.creation_time) <= int(time.time() * 1000) + 1000
    assert experiment.last_update_time == experiment.creation_time
    assert experiment.artifact_location == f"mlflow-artifacts:/{experiment_id}"


def test_an_experiment_keeps_the_artifact_location_it_was_given(client: MlflowClient) -> None:
    experiment_id = client.create_experiment(fresh_name(), artifact_location="mlflow-artifacts:/elsewhere/here")
    assert client.get_experiment(experiment_id).artifact_location == "mlflow-artifacts:/elsewhere/here"
    run = client.create_run(experiment_id)
    assert run.info.artifact_uri == f"mlflow-artifacts:/elsewhere/here/{run.info.run_id}/artifacts"


@pytest.mark.parametrize("name", ["Überschrift 実験", "with / slash", "50% + 1 & 'quotes' \"too\"", "a" * 256, "-1"])
def test_experiment_names_are_free_text(client: MlflowClient, name: str) -> None:
    unique = f"{fresh_name()[-6:]} {name}"[:256]
    experiment_id = client.create_experiment(unique)
    assert present(client.get_experiment_by_name(unique)).experiment_id == experiment_id
    assert client.get_experiment(experiment_id).name == unique


def test_a_name_that_exists_is_refused_even_when_its_experiment_is_deleted(client: MlflowClient) -> None:
    name = fresh_name()
    experiment_id = client.create_experiment(name)
    for _ in range(2):
        with pytest.raises(RestException) as refusal:
            client.create_experiment(name)
        assert refusal.value.error_code == "RESOURCE_ALREADY_EXISTS"
        client.delete_experiment(experiment_id)
        client.restore_experiment(experiment_id)
    client.delete_experiment(experiment_id)
    with pytest.raises(RestException) as refusal:
        client.create_experiment(name)
    assert refusal.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_names_are_case_sensitive(client: MlflowClient) -> None:
    name = fresh_name()
    assert client.create_experiment(name) != client.create_experiment(name.upper())
    assert client.get_experiment_by_name(name.title()) is None


def test_an_unknown_name_reads_as_none_and_an_unknown_id_as_an_error(client: MlflowClient) -> None:
    assert client.get_experiment_by_name(fresh_name()) is None
    with pytest.raises(RestException) as refusal:
        client.get_experiment("987654321")
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_rename_moves_the_name_and_frees_the_old_one(client: MlflowClient) -> None:
    old, new = fresh_name(), fresh_name()
    experiment_id = client.create_experiment(old)
    before = client.get_experiment(experiment_id)
    wait_for_the_next_millisecond()
    client.rename_experiment(experiment_id, new)
    after = client.get_experiment(experiment_id)
    assert after.name == new
    assert present(after.last_update_time) > present(before.last_update_time)
    assert after.creation_time == before.creation_time
    assert client.get_experiment_by_name(old) is None
    assert client.create_experiment(old) != experiment_id


def test_rename_to_a_taken_name_is_refused_and_changes_nothing(client: MlflowClient) -> None:
    taken, mine = fresh_name(), fresh_name()
    client.create_experiment(taken)
    experiment_id = client.create_experiment(mine)
    with pytest.raises(RestException) as refusal:
        client.rename_experiment(experiment_id, taken)
    assert refusal.value.error_code == "BAD_REQUEST"
    assert client.get_experiment(experiment_id).name == mine


def test_rename_to_its_own_name_is_accepted(client: MlflowClient) -> None:
    name = fresh_name()
    experiment_id = client.create_experiment(name)
    client.rename_experiment(experiment_id, name)
    assert client.get_experiment(experiment_id).name == name


def test_rename_of_a_deleted_experiment_is_refused(client: MlflowClient) -> None:
    name = fresh_name()
    experiment_id = client.create_experiment(name)
    client.delete_experiment(experiment_id)
    with pytest.raises(MlflowException):
        client.rename_experiment(experiment_id, fresh_name())
    assert client.get_experiment(experiment_id).name == name


def test_delete_and_restore_move_an_experiment_between_the_views(client: MlflowClient, experiment_id: str) -> None:
    def seen_in(view: int) -> bool:
        return any(e.experiment_id == experiment_id for e in client.search_experiments(view_type=view))

    client.delete_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
    assert [seen_in(ViewType.ACTIVE_ONLY), seen_in(ViewType.DELETED_ONLY), seen_in(ViewType.ALL)] == [False, True, True]
    client.restore_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "active"
    assert [seen_in(ViewType.ACTIVE_ONLY), seen_in(ViewType.DELETED_ONLY), seen_in(ViewType.ALL)] == [True, False, True]


def test_delete_needs_an_active_and_restore_a_deleted_experiment(client: MlflowClient, experiment_id: str) -> None:
    with pytest.raises(RestException) as refusal:
        client.restore_experiment(experiment_id)
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    client.delete_experiment(experiment_id)
    with pytest.raises(RestException) as refusal:
        client.delete_experiment(experiment_id)
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_delete_and_restore_change_the_update_time(client: MlflowClient, experiment_id: str) -> None:
    times = [present(client.get_experiment(experiment_id).last_update_time)]
    for change in (client.delete_experiment, client.restore_experiment):
        wait_for_the_next_millisecond()
        change(experiment_id)
        times.append(present(client.get_experiment(experiment_id).last_update_time))
    assert times == sorted(set(times))


def test_deleting_an_experiment_deletes_its_runs_and_restoring_restores_them_all(
    client: MlflowClient, experiment_id: str
) -> None:
    kept = client.create_run(experiment_id).info.run_id
    deleted_before = client.create_run(experiment_id).info.run_id
    client.delete_run(deleted_before)
    client.delete_experiment(experiment_id)
    assert client.get_run(kept).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment_id]) == []
    assert len(client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)) == 2
    client.restore_experiment(experiment_id)
    assert {r.info.run_id for r in client.search_runs([experiment_id])} == {kept, deleted_before}
    assert client.get_run(deleted_before).info.lifecycle_stage == "active"


def test_a_deleted_experiment_takes_no_new_run_and_no_tag(client: MlflowClient, experiment_id: str) -> None:
    client.delete_experiment(experiment_id)
    with pytest.raises(RestException) as refusal:
        client.create_run(experiment_id)
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(RestException) as refusal:
        client.set_experiment_tag(experiment_id, "a", "b")
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_single_run_of_a_deleted_experiment_can_be_restored_and_written(
    client: MlflowClient, experiment_id: str
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.delete_experiment(experiment_id)
    client.restore_run(run_id)
    client.set_tag(run_id, "back", "yes")
    assert client.get_run(run_id).info.lifecycle_stage == "active"
    assert client.get_run(run_id).data.tags["back"] == "yes"


def test_the_last_lifecycle_change_of_run_or_experiment_wins(client: MlflowClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.delete_experiment(experiment_id)
    client.restore_run(run_id)
    client.restore_experiment(experiment_id)
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    client.delete_experiment(experiment_id)
    client.restore_experiment(experiment_id)
    assert client.get_run(run_id).info.lifecycle_stage == "active"


def test_experiment_tags_are_set_overwritten_and_deleted(client: MlflowClient, experiment_id: str) -> None:
    updated = client.get_experiment(experiment_id).last_update_time
    client.set_experiment_tag(experiment_id, "stage", "draft")
    client.set_experiment_tag(experiment_id, "stage", "final")
    client.set_experiment_tag(experiment_id, "empty", "")
    assert client.get_experiment(experiment_id).tags == {"stage": "final", "empty": ""}
    client.delete_experiment_tag(experiment_id, "stage")
    assert client.get_experiment(experiment_id).tags == {"empty": ""}
    assert client.get_experiment(experiment_id).last_update_time == updated
    with pytest.raises(RestException) as refusal:
        client.delete_experiment_tag(experiment_id, "stage")
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_tag_value_of_20000_characters_is_kept_whole(client: MlflowClient, experiment_id: str) -> None:
    client.set_experiment_tag(experiment_id, "long", "x" * 20000)
    assert client.get_experiment(experiment_id).tags["long"] == "x" * 20000
