"""Runs and their tags as the stock client sees them."""

import re
import time

import pytest
from mlflow import MlflowClient
from mlflow.entities import RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException

from tests.compatibility.conftest import fresh_name
from tests.present import present


def test_a_created_run_reads_back_as_running_with_name_user_and_tags(client: MlflowClient, experiment_id: str) -> None:
    run = client.create_run(
        experiment_id, start_time=1_700_000_000_123, run_name="first", tags={"mlflow.user": "ann", "kind": "trial"}
    )
    for seen in (run, client.get_run(run.info.run_id)):
        assert re.fullmatch("[0-9a-f]{32}", seen.info.run_id)
        assert seen.info.experiment_id == experiment_id
        assert seen.info.run_name == "first"
        assert seen.info.user_id == "ann"
        assert seen.info.status == "RUNNING"
        assert seen.info.lifecycle_stage == "active"
        assert seen.info.start_time == 1_700_000_000_123
        assert seen.info.end_time is None
        assert seen.info.artifact_uri == f"mlflow-artifacts:/{experiment_id}/{run.info.run_id}/artifacts"
        assert seen.data.tags == {"mlflow.user": "ann", "kind": "trial", "mlflow.runName": "first"}
        assert seen.data.metrics == {}
        assert seen.data.params == {}


def test_a_run_without_a_name_gets_one_of_two_words_and_a_number(client: MlflowClient, experiment_id: str) -> None:
    run = client.create_run(experiment_id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", run.info.run_name)
    assert run.data.tags["mlflow.runName"] == run.info.run_name


def test_the_run_name_tag_names_the_run(client: MlflowClient, experiment_id: str) -> None:
    run = client.create_run(experiment_id, tags={"mlflow.runName": "from tag"})
    assert client.get_run(run.info.run_id).info.run_name == "from tag"


def test_the_runs_of_a_missing_experiment_are_refused(client: MlflowClient) -> None:
    with pytest.raises(RestException) as refusal:
        client.create_run("987654321")
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_an_unknown_run_is_an_error(client: MlflowClient) -> None:
    with pytest.raises(RestException) as refusal:
        client.get_run("0" * 32)
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_nested_runs_are_found_by_the_parent_tag(client: MlflowClient, experiment_id: str) -> None:
    parent = client.create_run(experiment_id, run_name="parent").info.run_id
    children = {
        client.create_run(experiment_id, tags={"mlflow.parentRunId": parent}, run_name=f"child {i}").info.run_id
        for i in range(3)
    }
    found = client.search_runs([experiment_id], filter_string=f"tags.mlflow.parentRunId = '{parent}'")
    assert {run.info.run_id for run in found} == children
    assert present(client.get_parent_run(next(iter(children)))).info.run_id == parent
    assert client.get_parent_run(parent) is None


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_terminating_a_run_sets_status_and_end_time(client: MlflowClient, run_id: str, status: str) -> None:
    client.set_terminated(run_id, status=status, end_time=1_700_000_001_000)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == (status, 1_700_000_001_000)


def test_any_status_may_follow_any_other(client: MlflowClient, run_id: str) -> None:
    for status in ("FINISHED", "SCHEDULED", "FAILED", "RUNNING", "KILLED", "FINISHED", "RUNNING"):
        client.update_run(run_id, status=status)
        assert client.get_run(run_id).info.status == status


def test_an_update_keeps_what_it_does_not_name(client: MlflowClient, run_id: str) -> None:
    client.set_terminated(run_id, end_time=42)
    client.update_run(run_id, name="renamed")
    info = client.get_run(run_id).info
    assert (info.run_name, info.status, info.end_time) == ("renamed", "FINISHED", 42)


def test_an_ended_run_still_takes_writes(client: MlflowClient, run_id: str) -> None:
    client.set_terminated(run_id)
    client.log_metric(run_id, "late", 1.0)
    client.log_param(run_id, "late", "yes")
    client.set_tag(run_id, "late", "yes")
    data = client.get_run(run_id).data
    assert (data.metrics["late"], data.params["late"], data.tags["late"]) == (1.0, "yes", "yes")


def test_rename_writes_the_name_tag_and_the_name_tag_renames(client: MlflowClient, run_id: str) -> None:
    client.update_run(run_id, name="by update")
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "by update"
    client.set_tag(run_id, "mlflow.runName", "by tag")
    assert client.get_run(run_id).info.run_name == "by tag"
    client.log_batch(run_id, tags=[RunTag("mlflow.runName", "by batch")])
    assert client.get_run(run_id).info.run_name == "by batch"


def test_an_empty_name_leaves_name_tag_and_filter_as_they_were(
    client: MlflowClient, experiment_id: str, run_id: str
) -> None:
    client.update_run(run_id, name="kept")
    client.set_tag(run_id, "mlflow.runName", "")
    client.log_batch(run_id, tags=[RunTag("mlflow.runName", "")])
    client.update_run(run_id, name="")
    run = client.get_run(run_id)
    assert (run.info.run_name, run.data.tags["mlflow.runName"]) == ("kept", "kept")
    assert len(client.search_runs([experiment_id], filter_string="run_name = 'kept'")) == 1


def test_deleting_the_name_tag_leaves_the_name_but_not_the_filter(
    client: MlflowClient, experiment_id: str, run_id: str
) -> None:
    client.update_run(run_id, name="kept")
    client.delete_tag(run_id, "mlflow.runName")
    run = client.get_run(run_id)
    assert run.info.run_name == "kept"
    assert "mlflow.runName" not in run.data.tags
    assert client.search_runs([experiment_id], filter_string="run_name = 'kept'") == []


def test_delete_and_restore_move_a_run_between_the_views(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    def views() -> list[bool]:
        every = (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
        return [bool(client.search_runs([experiment_id], run_view_type=view)) for view in every]

    client.delete_run(run_id)
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert views() == [False, True, True]
    client.restore_run(run_id)
    client.restore_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "active"
    assert views() == [True, False, True]


def test_a_deleted_run_keeps_its_data_and_takes_no_writes(client: MlflowClient, run_id: str) -> None:
    client.log_metric(run_id, "m", 1.0)
    client.log_param(run_id, "p", "1")
    client.set_tag(run_id, "t", "1")
    client.delete_run(run_id)
    for write in (
        lambda: client.log_metric(run_id, "m", 2.0),
        lambda: client.log_param(run_id, "q", "1"),
        lambda: client.set_tag(run_id, "t", "2"),
        lambda: client.delete_tag(run_id, "t"),
        lambda: client.update_run(run_id, name="no"),
        lambda: client.log_batch(run_id, tags=[RunTag("t", "2")]),
    ):
        with pytest.raises(MlflowException) as refusal:
            write()
        assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"
    data = client.get_run(run_id).data
    assert (data.metrics, data.params, data.tags["t"]) == ({"m": 1.0}, {"p": "1"}, "1")
    assert len(client.get_metric_history(run_id, "m")) == 1


def test_run_tags_are_set_overwritten_and_deleted(client: MlflowClient, run_id: str) -> None:
    client.set_tag(run_id, "stage", "draft")
    client.set_tag(run_id, "stage", "final")
    client.set_tag(run_id, "number", 5)
    client.set_tag(run_id, "empty", "")
    tags = client.get_run(run_id).data.tags
    assert (tags["stage"], tags["number"], tags["empty"]) == ("final", "5", "")
    client.delete_tag(run_id, "stage")
    assert "stage" not in client.get_run(run_id).data.tags
    with pytest.raises(RestException) as refusal:
        client.delete_tag(run_id, "stage")
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "key", ["a", "a/b/c", "with space", "dotted.key", "k-e-y", "under_score", "colon:ed", "ключ", "数", "0", "x" * 250]
)
def test_keys_may_be_words_paths_and_unicode(client: MlflowClient, run_id: str, key: str) -> None:
    client.set_tag(run_id, key, "tag")
    client.log_param(run_id, key, "param")
    client.log_metric(run_id, key, 1.5)
    data = client.get_run(run_id).data
    assert (data.tags[key], data.params, data.metrics) == ("tag", {key: "param"}, {key: 1.5})
    client.delete_tag(run_id, key)
    assert key not in client.get_run(run_id).data.tags


def test_tag_values_keep_every_character_and_are_cut_at_8000(client: MlflowClient, run_id: str) -> None:
    odd = "line\nbreak\ttab \"quotes\" 'single' \\ % _ é 漢字 🚀 </script>"
    client.set_tag(run_id, "odd", odd)
    client.set_tag(run_id, "long", "é" * 8001)
    tags = client.get_run(run_id).data.tags
    assert tags["odd"] == odd
    assert tags["long"] == "é" * 8000


def test_runs_of_several_experiments_are_searched_together(client: MlflowClient) -> None:
    experiments = [client.create_experiment(fresh_name()) for _ in range(2)]
    runs = {client.create_run(experiment).info.run_id for experiment in experiments}
    assert {run.info.run_id for run in client.search_runs(experiments)} == runs
    assert len(client.search_runs(experiments[:1])) == 1


def test_the_start_time_defaults_to_the_clients_clock(client: MlflowClient, experiment_id: str) -> None:
    before_ms = int(time.time() * 1000)
    run = client.create_run(experiment_id)
    assert before_ms <= run.info.start_time <= int(time.time() * 1000)
