"""The latest client of MLflow 2, in an environment of its own, does its tracking calls."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

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
def seen(server_url: str) -> Any:
    """What a script saw that did the tracking calls with the MLflow 2 client."""
    try:
        python = mlflow2_python()
    except (OSError, subprocess.SubprocessError) as failure:
        reason = f"{REQUIREMENT} could not be installed into {ENVIRONMENT}: {failure}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
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
