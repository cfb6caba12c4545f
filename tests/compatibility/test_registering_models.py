"""A training registers its model in every way there is, and what was registered loads by every kind of URI."""

from collections import Counter
from typing import Any

import pytest

from tests.compatibility.training import run_script


@pytest.fixture(scope="module")
def seen(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the script saw that did it."""
    return run_script("register_models.py", server_url, str(tmp_path_factory.mktemp("model")))


def test_a_model_is_registered_while_it_is_logged(seen: Any) -> None:
    assert seen["registered_version"] == "1"
    assert seen["loaded"][f"models:/{seen['names']['logged']}/1"]


def test_a_model_that_its_run_names_is_registered_as_the_logged_one(seen: Any) -> None:
    assert seen["versions"]["by name"] == {
        "version": "1",
        "source": f"models:/{seen['model_id']}",
        "tags": {"from": "a run"},
    }


def test_a_folder_of_a_run_is_registered_by_its_path(seen: Any) -> None:
    assert seen["versions"]["by path"] == {"version": "2", "source": f"{seen['artifacts']}/by-hand", "tags": {}}


def test_a_logged_model_is_registered_by_its_id(seen: Any) -> None:
    assert seen["versions"]["by model"] == {
        "version": "1",
        "source": f"models:/{seen['model_id']}",
        "tags": {"from": "a model"},
    }


def test_every_version_knows_its_run(seen: Any) -> None:
    assert seen["run_ids"] == [seen["run_id"]] * 3


def test_copies_name_the_version_that_they_are_of(seen: Any) -> None:
    of_run = seen["names"]["of_run"]
    assert seen["copies"] == [
        {"version": str(number), "source": f"models:/{of_run}/{number}", "run_id": seen["run_id"]} for number in (1, 2)
    ]


def test_every_uri_loads(seen: Any) -> None:
    assert len(seen["loaded"]) == 9
    assert [uri for uri, doubles in seen["loaded"].items() if not doubles] == []


def test_copies_load_when_what_they_are_of_is_deleted(seen: Any) -> None:
    assert seen["gone"] == "RESOURCE_DOES_NOT_EXIST"
    assert seen["copies_outlive_their_source"]


def test_the_logged_model_is_told_once_of_each_version(seen: Any, is_mlflow: bool) -> None:
    """The server notes the version, and the client does it once more, with the number as a text."""
    noted = Counter((entry["name"], str(entry["version"])) for entry in seen["model_versions_tag"])
    assert set(noted) == {(seen["names"][kind], "1") for kind in ("logged", "of_run", "of_model")}
    if not is_mlflow:  # which has each twice
        assert set(noted.values()) == {1}
