"""Params: the first value stays, the same value is accepted again, another one is refused."""

import pytest
from mlflow import MlflowClient
from mlflow.entities import Param
from mlflow.exceptions import MlflowException


def test_params_are_kept_as_text(client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "int", 3)
    client.log_param(run_id, "float", 0.1)
    client.log_param(run_id, "none", None)
    client.log_param(run_id, "empty", "")
    client.log_param(run_id, "text", "line\nbreak 'é' 漢字 🚀")
    assert client.get_run(run_id).data.params == {
        "int": "3",
        "float": "0.1",
        "none": "None",
        "empty": "",
        "text": "line\nbreak 'é' 漢字 🚀",
    }


def test_the_same_value_again_is_accepted(client: MlflowClient, run_id: str) -> None:
    for _ in range(2):
        client.log_param(run_id, "lr", "0.1")
        client.log_batch(run_id, params=[Param("lr", "0.1"), Param("depth", "3")])
    assert client.get_run(run_id).data.params == {"lr": "0.1", "depth": "3"}


def test_another_value_is_refused_and_the_first_stays(client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "lr", "0.1")
    with pytest.raises(MlflowException) as refusal:
        client.log_param(run_id, "lr", "0.2")
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "lr" in refusal.value.message
    assert client.get_run(run_id).data.params == {"lr": "0.1"}


def test_a_batch_with_another_value_stores_nothing(client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "lr", "0.1")
    with pytest.raises(MlflowException) as refusal:
        client.log_batch(run_id, params=[Param("new", "1"), Param("lr", "0.2")])
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.params == {"lr": "0.1"}


@pytest.mark.parametrize("second", ["1", "2"])
def test_a_key_twice_in_one_batch_is_refused_whatever_the_value(client: MlflowClient, run_id: str, second: str) -> None:
    with pytest.raises(MlflowException) as refusal:
        client.log_batch(run_id, params=[Param("k", "1"), Param("other", "x"), Param("k", second)])
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.params == {}


def test_values_are_cut_at_6000_characters_and_compared_after_the_cut(client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "long", "é" * 6001)
    assert client.get_run(run_id).data.params["long"] == "é" * 6000
    client.log_param(run_id, "long", "é" * 6000 + "another end")
    client.log_batch(run_id, params=[Param("long", "é" * 7000)])
    assert client.get_run(run_id).data.params["long"] == "é" * 6000


def test_keys_of_different_case_are_different_params(client: MlflowClient, run_id: str) -> None:
    client.log_param(run_id, "LR", "1")
    client.log_param(run_id, "lr", "2")
    assert client.get_run(run_id).data.params == {"LR": "1", "lr": "2"}
