"""The latest client of MLflow 2, in an environment of its own, does its tracking calls and those of the registry."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from artifact_proxy.client_names import as_asked, decoded_once, stand_in
from tests.compatibility.training import run_script

REQUIREMENT = "mlflow-skinny>=2.22,<3"
INSTALL_TIMEOUT_S = 240
ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-mlflow2"


def mlflow2_python() -> str:
    """Return the Python of an environment that holds the MLflow 2 client, made at the first use and then kept."""
    python = ENVIRONMENT / "bin" / "python"
    ready = ENVIRONMENT / "ready"
    if ready.exists() and ready.read_text() == f"{REQUIREMENT} {sys.version}":
        return str(python)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", REQUIREMENT],
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
    )
    ready.write_text(f"{REQUIREMENT} {sys.version}")
    return str(python)


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has the MLflow 2 client."""
    try:
        return mlflow2_python()
    except (OSError, subprocess.SubprocessError) as failure:
        reason = f"{REQUIREMENT} could not be installed into {ENVIRONMENT}: {failure}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def seen(server_url: str, python: str) -> Any:
    """What a script saw that did the tracking calls with the MLflow 2 client."""
    return run_script("mlflow2_tracking.py", server_url, python=python)


def test_the_client_is_of_mlflow_2(seen: Any) -> None:
    assert seen["version"].startswith("2.")


def test_params_metrics_and_tags_read_back(seen: Any) -> None:
    assert seen["params"] == {"lr": "0.1", "depth": "3", "kind": "tree", "batch": "x"}
    assert seen["metrics"] == {"loss": "0.2", "nan": "nan", "inf": "1.7976931348623157e+308", "batch": "1.5"}
    assert seen["tags"] == {"a": "1", "batch": "y"}
    assert seen["loss"] == [[step, 1 / (1 + step)] for step in range(5)]


def test_status_nesting_and_inputs_read_back(seen: Any) -> None:
    assert (seen["status"], seen["parent"], seen["dataset"]) == ("FINISHED", True, "iris")
    assert (seen["deleted"], seen["spare_status"]) == (True, "KILLED")


def test_refusals_carry_their_codes(seen: Any) -> None:
    assert seen["refusals"] == {
        "param": "INVALID_PARAMETER_VALUE",
        "experiment": "RESOURCE_ALREADY_EXISTS",
        "run": "RESOURCE_DOES_NOT_EXIST",
        "filter": "INVALID_PARAMETER_VALUE",
    }


def test_searches_filter_order_and_page(seen: Any) -> None:
    assert (seen["pages"], seen["page_count"]) == (["inner", "outer"], 3)
    assert seen["found"] == ["outer"]
    assert seen["experiment"] == ["red"]


def test_artifacts_go_up_and_come_down(seen: Any) -> None:
    assert seen["files"] == ["data.json", "folder", "notes"]
    assert (seen["words"], seen["content"]) == ("words", [0, 1])


def test_images_of_all_steps_are_found_again(server_url: str, python: str, is_mlflow: bool) -> None:
    """Their names hold the step between percent signs: `%20%`, and at step 23 what a client takes for `#`."""
    if is_mlflow:
        pytest.skip("MLflow refuses those of step 23")
    made = run_script("mlflow2_image_names.py", server_url, "5000", python=python)
    assert made["down"] == made["sent"]
    assert made["alone"] == made["asked_alone"]
    assert len(made["names"]) == 2 * 5001
    at_rest = {decoded_once(url): name for name, url, _, _ in made["names"]}
    assert list(at_rest) == list(at_rest.values()), "each is kept under its own name"
    for name, _, told, url in made["names"]:
        of_file = name.removeprefix("images/")
        assert told == as_asked(of_file)
        if told is None:
            assert as_asked(stand_in(of_file)) == stand_in(of_file)
        else:
            assert decoded_once(url) == f"images/{told}"
    asked = [told for _, _, told, _ in made["names"] if told is not None]
    assert len(set(asked)) == len(asked), "no two are asked for by one name"


@pytest.fixture(scope="module")
def registry(server_url: str, python: str) -> Any:
    """What a script saw that did the calls of the model registry with the MLflow 2 client."""
    return run_script("mlflow2_registry.py", server_url, python=python)


def test_a_model_of_a_run_is_registered_again_and_again(registry: Any) -> None:
    assert registry["version"].startswith("2.")
    assert (registry["numbers"], registry["sources"], registry["run"]) == (["1", "2", "3"], True, True)


def test_stages_aliases_and_tags_read_back(registry: Any) -> None:
    assert registry["stages"] == ["Archived", "None", "Production"]
    assert (registry["aliases"], registry["tags"]) == ({"champion": "2"}, {"team": "red"})
    assert registry["first"] == ["the first", {"number": "1", "checked": "yes"}]
    assert registry["latest"] == ["1", "2", "3"]
    assert (registry["after_delete"], registry["renamed"], registry["left"]) == ({}, True, True)


def test_every_uri_of_a_version_leads_to_its_files(registry: Any) -> None:
    assert registry["words"] == ["hello"] * 5
    assert registry["copy"]


def test_models_and_versions_are_found(registry: Any) -> None:
    assert (registry["found"], registry["versions_found"]) == (True, ["1", "2", "3"])


def test_refusals_of_the_registry_carry_their_codes(registry: Any) -> None:
    assert registry["refusals"] == {
        "taken": "RESOURCE_ALREADY_EXISTS",
        "unknown model": "RESOURCE_DOES_NOT_EXIST",
        "unknown version": "RESOURCE_DOES_NOT_EXIST",
        "unknown alias": "INVALID_PARAMETER_VALUE",
        "filter": "INVALID_PARAMETER_VALUE",
        "source": "INVALID_PARAMETER_VALUE",
    }


def test_prompts_are_registered_and_loaded(registry: Any) -> None:
    assert registry["prompts"] == ["Hi {{name}}!", "Hello {{name}}!"]
