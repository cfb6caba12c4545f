"""Prompts through `mlflow.genai`: versions, aliases, tags, searches, and how they and models keep apart."""

from typing import Any

import pytest

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest
from tests.compatibility.training import run_script

MARKER = {"key": "mlflow.prompt.is_prompt", "value": "true"}
HELLO = {"template": "Hello {{name}}!", "message": "first", "tags": {"author": "ada"}, "variables": ["name"]}
GOOD_DAY = {"template": "Good day {{name}}.", "message": "politer", "tags": {"author": "bob"}, "variables": ["name"]}


@pytest.fixture(scope="module")
def seen(server_url: str) -> Any:
    """What a script saw that did what is done with prompts."""
    return run_script("prompts.py", server_url)


def test_versions_of_a_text_prompt_keep_template_message_tags_and_model_config(seen: Any) -> None:
    nothing_more: dict[str, Any] = {"response_format": None, "model_config": None, "aliases": []}
    assert seen["first"] == {"version": 1, **HELLO, **nothing_more}
    assert seen["second"] == {
        "version": 2,
        **GOOD_DAY,
        **nothing_more,
        "model_config": {"model_name": "m", "temperature": 0.5},
    }


def test_a_chat_prompt_keeps_messages_and_response_format(seen: Any) -> None:
    assert [message["role"] for message in seen["chat"]["template"]] == ["system", "user"]
    assert seen["chat"]["response_format"] == {"type": "object", "properties": {"answer": {"type": "string"}}}
    assert seen["loaded_chat"] == seen["chat"]


def test_a_version_loads_by_number_uri_alias_and_as_the_latest(seen: Any) -> None:
    assert seen["by_version"] == seen["latest"] == seen["second"]
    assert seen["by_uri"] == seen["by_alias"] == {**seen["first"], "aliases": ["production"]}
    assert seen["formatted"] == "Hello Eve!"
    assert seen["missing"] == [None, None]


def test_an_alias_is_moved_and_deleted(seen: Any) -> None:
    assert (seen["moved_alias"], seen["deleted_alias"]) == (2, "INVALID_PARAMETER_VALUE")


def test_tags_and_model_config_are_set_and_deleted(seen: Any) -> None:
    shown = {key: value for key, value in seen["tags"].items() if not key.startswith("_mlflow")}
    assert shown == {"author": "bob", "team": "red"}  # the newest version's go to the prompt as well
    assert seen["version_tags"] == {"author": "ada", "checked": "yes"}
    assert (seen["model_config"], seen["no_model_config"]) == ({"model_name": "n", "max_tokens": 7}, None)


def test_a_prompt_is_linked_to_the_experiment_it_is_registered_in(seen: Any, rest: Rest) -> None:
    model = rest.get("registered-models/get", {"name": seen["names"]["greeting"]}).json()["registered_model"]
    here = f",{seen['experiment_id']},"
    assert {"key": "_mlflow_experiment_ids", "value": here} in model["tags"]
    asked = f"tags.`mlflow.prompt.is_prompt` = 'true' AND tags.`_mlflow_experiment_ids` ILIKE '%{here}%'"
    found = rest.get("registered-models/search", {"filter": asked}).json()["registered_models"]
    assert seen["names"]["greeting"] in {model["name"] for model in found}


def test_prompts_are_found_and_paged(seen: Any) -> None:
    names = [seen["names"]["chat"], seen["names"]["greeting"]]
    assert seen["found"] == seen["pages"] == names
    assert seen["found_by_tag"] == [seen["names"]["greeting"]]
    assert seen["versions_found"] == [2, 1]


def test_prompts_that_a_run_loads_are_linked_to_it(seen: Any) -> None:
    assert seen["linked"] == [{"name": seen["names"][kind], "version": "1"} for kind in ("greeting", "chat")]


def test_prompts_and_models_share_their_names_and_are_not_taken_for_each_other(seen: Any) -> None:
    assert seen["clashes"] == {
        "a prompt named as a model": "INVALID_PARAMETER_VALUE",
        "a model named as a prompt": "RESOURCE_ALREADY_EXISTS",
        "a prompt read as a model": "RESOURCE_DOES_NOT_EXIST",
        "a version read as a model's": "RESOURCE_DOES_NOT_EXIST",
    }
    assert (seen["models_found"], seen["model_versions_found"]) == ([seen["names"]["model"]], [])


def test_what_is_deleted_is_gone(seen: Any) -> None:
    assert seen["versions_left"] == [2]
    assert (seen["deleted_version"], seen["deleted_prompt"]) == (None, None)


def test_a_prompt_version_hides_no_model(rest: Rest, is_mlflow: bool) -> None:
    """Only the model itself says whether it is a prompt: not one of its versions, not one that is gone."""
    if is_mlflow:
        pytest.skip("MLflow hides all versions of a model that ever had one that is a prompt's")
    name = fresh_name("model")
    rest.post("registered-models/create", {"name": name})
    rest.post("model-versions/create", {"name": name, "source": "s3://bucket/path"})
    rest.post("model-versions/create", {"name": name, "source": "dummy-source", "tags": [MARKER]})

    def versions() -> list[str]:
        found = rest.get("model-versions/search", {"filter": f"name = '{name}'"}).json()["model_versions"]
        return sorted(version["version"] for version in found)

    assert versions() == ["1", "2"]
    rest.send("DELETE", "model-versions/delete", json={"name": name, "version": "2"})
    assert versions() == ["1"]
    found = rest.get("registered-models/search", {"filter": f"name = '{name}'"}).json()["registered_models"]
    assert [model["name"] for model in found] == [name]


def test_a_marker_counts_in_any_letter_case(rest: Rest, is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("MLflow shows it among the models")
    name = fresh_name("prompt")
    rest.post("registered-models/create", {"name": name, "tags": [{**MARKER, "value": "TRUE"}]})
    assert rest.get("registered-models/search", {"filter": f"name = '{name}'"}).json() == {}
    asked = f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'"
    found = rest.get("registered-models/search", {"filter": asked}).json()["registered_models"]
    assert [model["name"] for model in found] == [name]
