"""Versions of registered models: numbers, sources, stages, copies and searches."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.compatibility.conftest import Subjects, fresh_name
from tests.compatibility.rest import Case, Rest, assert_answer, assert_error, invalid, missing, ok, send
from tests.eventually import wait_for_the_next_millisecond
from tests.present import present
from tests.systems import RunningSystem
from tracklog.cli.commands import tracklog

SOURCE = "s3://bucket/path"
STAGES = ("None", "Staging", "Production", "Archived")

pytestmark = pytest.mark.filterwarnings("ignore:.*Model registry stages:FutureWarning")


@pytest.fixture
def name(client: MlflowClient) -> str:
    """A registered model of the test's own, without versions."""
    made: str = client.create_registered_model(fresh_name("model")).name
    return made


def refused_with(code: str) -> pytest.RaisesExc[MlflowException]:
    return pytest.RaisesExc(MlflowException, check=lambda refusal: refusal.error_code == code)


def made(client: MlflowClient, name: str, count: int) -> None:
    """Make so many versions."""
    for _ in range(count):
        client.create_model_version(name, SOURCE)


def test_a_version_reads_back_whole(client: MlflowClient, name: str, run_id: str) -> None:
    created = client.create_model_version(
        name, SOURCE, run_id, tags={"a": "1"}, run_link="http://host/run", description="first"
    )
    for version in (created, client.get_model_version(name, "1")):
        assert (version.name, version.version, version.source, version.run_id) == (name, "1", SOURCE, run_id)
        assert (version.run_link, version.description, version.tags) == ("http://host/run", "first", {"a": "1"})
        assert (version.current_stage, version.status, version.aliases) == ("None", "READY", [])
        assert version.creation_timestamp == version.last_updated_timestamp == created.creation_timestamp
    model = client.get_registered_model(name)
    assert model.last_updated_timestamp == created.creation_timestamp
    assert client.get_model_version_download_uri(name, "1") == SOURCE


def test_a_version_has_its_keys_in_mlflows_order(rest: Rest, name: str) -> None:
    body = {"name": name, "source": SOURCE, "tags": [{"key": "a", "value": "1"}]}
    shown = rest.post("model-versions/create", body).json()["model_version"]
    assert list(shown) == [
        "name",
        "version",
        "creation_timestamp",
        "last_updated_timestamp",
        "current_stage",
        "description",
        "source",
        "run_id",
        "status",
        "tags",
        "run_link",
    ]
    assert (shown["description"], shown["run_id"], shown["run_link"]) == ("", "", "")
    rest.post("registered-models/alias", {"name": name, "alias": "x", "version": "1"})
    updated = rest.send("PATCH", "model-versions/update", json={"name": name, "version": "1"}).json()["model_version"]
    assert "description" not in updated
    assert updated["aliases"] == ["x"]


def test_racing_creates_number_their_versions_without_gap(client: MlflowClient, name: str) -> None:
    with ThreadPoolExecutor(5) as pool:
        versions = list(pool.map(lambda _: int(client.create_model_version(name, SOURCE).version), range(10)))
    assert sorted(versions) == list(range(1, 11))


def test_the_number_of_a_deleted_version_is_never_given_again(client: MlflowClient, name: str) -> None:
    made(client, name, 2)
    client.delete_model_version(name, "2")
    for call in (
        lambda: client.get_model_version(name, "2"),
        lambda: client.delete_model_version(name, "2"),
        lambda: client.set_model_version_tag(name, "2", "a", "b"),
        lambda: client.get_model_version_download_uri(name, "2"),
    ):
        with refused_with("RESOURCE_DOES_NOT_EXIST"):
            call()
    assert client.create_model_version(name, SOURCE).version == "3"


@pytest.mark.parametrize("spelled", [" 1 ", "01"])
def test_a_number_may_be_spelled_leniently(rest: Rest, client: MlflowClient, name: str, spelled: str) -> None:
    made(client, name, 1)
    answer = rest.get("model-versions/get", {"name": name, "version": spelled})
    assert answer.json()["model_version"]["version"] == "1"


def test_an_update_changes_the_version_and_not_its_model(client: MlflowClient, name: str) -> None:
    made(client, name, 1)
    model = client.get_registered_model(name)
    wait_for_the_next_millisecond()
    updated = client.update_model_version(name, "1", "new")
    assert updated.description == "new"
    assert present(updated.last_updated_timestamp) > present(updated.creation_timestamp)
    assert client.get_registered_model(name).last_updated_timestamp == model.last_updated_timestamp


def test_tags_are_overwritten_and_deleted(client: MlflowClient, name: str) -> None:
    made(client, name, 1)
    for value in ("1", "2"):
        client.set_model_version_tag(name, "1", "a", value)
    client.set_model_version_tag(name, "1", "b", "x")
    client.delete_model_version_tag(name, "1", "b")
    client.delete_model_version_tag(name, "1", "never set")
    version = client.get_model_version(name, "1")
    assert version.tags == {"a": "2"}
    assert version.last_updated_timestamp == version.creation_timestamp


def test_a_transition_may_archive_what_is_in_the_stage(client: MlflowClient, name: str) -> None:
    made(client, name, 4)
    for number in ("1", "2"):
        client.transition_model_version_stage(name, number, "production")
    client.transition_model_version_stage(name, "4", "Staging")
    moved = client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    assert moved.current_stage == "Production"
    versions = [client.get_model_version(name, str(number)) for number in range(1, 5)]
    assert [version.current_stage for version in versions] == ["Archived", "Archived", "Production", "Staging"]
    assert {version.last_updated_timestamp for version in versions[:3]} == {moved.last_updated_timestamp}
    assert client.get_registered_model(name).last_updated_timestamp == moved.last_updated_timestamp


def test_the_latest_versions_are_one_of_each_stage(client: MlflowClient, name: str) -> None:
    made(client, name, 4)
    for number, stage in (("1", "Production"), ("2", "Production"), ("3", "Staging")):
        client.transition_model_version_stage(name, number, stage)
    client.set_registered_model_alias(name, "x", "2")

    def latest(*stages: str) -> dict[str, str]:
        found = client.get_latest_versions(name, list(stages))
        return {version.current_stage: version.version for version in found}

    assert latest() == {"Production": "2", "Staging": "3", "None": "4"}
    assert latest("production", "Archived") == {"Production": "2"}
    model = client.get_registered_model(name)
    assert sorted(version.version for version in model.latest_versions) == ["2", "3", "4"]
    with refused_with("INVALID_PARAMETER_VALUE"):
        latest("Bogus")


def test_of_racing_transitions_one_is_left_in_the_stage(client: MlflowClient, name: str, is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("MLflow leaves all of them there")
    made(client, name, 4)

    def promote(number: int) -> None:
        client.transition_model_version_stage(name, str(number), "Production", archive_existing_versions=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(promote, range(1, 5)))
    stages = [client.get_model_version(name, str(number)).current_stage for number in range(1, 5)]
    assert sorted(map(present, stages)) == ["Archived", "Archived", "Archived", "Production"]


@pytest.mark.parametrize("stage", ["Bogus", " Staging ", "", "Deleted_Internal"])
def test_other_stages_are_refused(rest: Rest, client: MlflowClient, name: str, stage: str) -> None:
    made(client, name, 1)
    body = {"name": name, "version": "1", "stage": stage, "archive_existing_versions": False}
    assert_error(rest.post("model-versions/transition-stage", body), 400, "INVALID_PARAMETER_VALUE")


def test_a_copy_takes_tags_and_description_but_no_alias_and_no_stage(
    client: MlflowClient, name: str, run_id: str
) -> None:
    client.create_model_version(name, SOURCE, run_id, tags={"a": "1"}, description="first")
    client.set_registered_model_alias(name, "champion", "1")
    client.transition_model_version_stage(name, "1", "Production")
    target = fresh_name("copy")
    for number, uri in enumerate(
        (f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/latest", f"models:/{name}/Production"), 1
    ):
        copy = client.copy_model_version(uri, target)
        assert (copy.name, copy.version, copy.source) == (target, str(number), f"models:/{name}/1")
        assert (copy.run_id, copy.tags, copy.description) == (run_id, {"a": "1"}, "first")
        assert (copy.current_stage, copy.aliases) == ("None", [])
    second = client.copy_model_version(f"models:/{target}/2", fresh_name("copy-of-copy"))
    client.rename_registered_model(name, fresh_name("renamed"))
    client.delete_registered_model(target)
    assert client.get_model_version_download_uri(second.name, "1") == SOURCE


def found_by(client: MlflowClient, name: str) -> Callable[..., list[str]]:
    """A search among the versions of the name, which answers their numbers."""

    def found(condition: str = "", order_by: list[str] | None = None, **paging: Any) -> list[str]:
        versions = client.search_model_versions(f"name = '{name}'{condition}", order_by=order_by, **paging)
        return [version.version for version in versions]

    return found


def test_versions_are_found_by_run_number_source_and_tags_in_order(
    client: MlflowClient, name: str, run_id: str
) -> None:
    client.create_model_version(name, SOURCE, run_id, tags={"team": "red"})
    client.create_model_version(name, "s3://bucket/other", tags={"team": "blue"})
    client.create_model_version(name, SOURCE, run_id)
    found = found_by(client, name)
    assert found(order_by=["version_number ASC"]) == ["1", "2", "3"]
    assert found(order_by=["version_number DESC"]) == found(order_by=["creation_timestamp DESC"]) == ["3", "2", "1"]
    assert found(f" AND run_id = '{run_id}'", ["version_number"]) == ["1", "3"]
    assert found(" AND tags.team = 'red'") == found(" AND tags.team LIKE 'r%'") == ["1"]
    assert found(" AND version_number > 1 AND version_number <= '3'", ["version_number"]) == ["2", "3"]
    assert found(" AND source_path = 's3://bucket/other'") == ["2"]
    versions = client.search_model_versions(f"run_id IN ('{run_id}')")
    assert {(version.name, version.version) for version in versions} == {(name, "1"), (name, "3")}
    for bad in (" AND version = '1'", " AND stage = 'None'", " AND version_number = 'x'", " OR name = 'a'"):
        with refused_with("INVALID_PARAMETER_VALUE"):
            found(bad)
    with refused_with("INVALID_PARAMETER_VALUE"):
        found(order_by=["run_id"])


def test_versions_come_last_updated_first(client: MlflowClient, name: str) -> None:
    made(client, name, 3)
    wait_for_the_next_millisecond()
    client.update_model_version(name, "2", "new")
    assert found_by(client, name)()[0] == "2"


def test_pages_of_versions_are_full_and_the_last_has_no_token(client: MlflowClient, name: str) -> None:
    made(client, name, 7)
    client.delete_model_version(name, "6")
    pages, token = [], None
    while True:
        page = client.search_model_versions(
            f"name = '{name}'", max_results=3, order_by=["version_number ASC"], page_token=token
        )
        pages.append([version.version for version in page])
        token = page.token
        if not token:
            break
    assert pages == [["1", "2", "3"], ["4", "5", "7"]]


def source(case: str, source: str, /, **more: str) -> Case:
    """A source that is taken."""
    return ok(case, "POST", "model-versions/create", {"name": "<name>", "source": source, **more})


def bad_source(case: str, source: str, /, **more: str) -> Case:
    """A source that is refused."""
    return invalid(case, "POST", "model-versions/create", {"name": "<name>", "source": source, **more})


RUN, MODEL = {"run_id": "<run_id>"}, {"model_id": "<model_id>"}
OF_RUN = "mlflow-artifacts:/<experiment_id>/<run_id>/artifacts"
OF_MODEL = "mlflow-artifacts:/<experiment_id>/models/<model_id>/artifacts"

SOURCES = [
    source("a store of its own", "s3://bucket/path"),
    source("an unknown scheme", "foo:/path"),
    source("slashes and a query", "s3://b//p/?x=1#f"),
    source("below the run", f"{OF_RUN}/model", **RUN),
    source("the artifacts of the run", OF_RUN, **RUN),
    source("by the run", "runs:/<run_id>/model", **RUN),
    source("the logged model", "models:/<model_id>", **MODEL),
    source("below the logged model", OF_MODEL, **MODEL),
    source("of a version", "models:/<name>/1"),
    source("of an alias", "models:/<name>@taken"),
    source("of the latest", "models:/<name>/latest"),
    bad_source("below no run", f"{OF_RUN}/model"),
    bad_source("below another run", f"{OF_RUN}/model", run_id="<deleted_run_id>"),
    bad_source("beside the run", f"{OF_RUN}X", **RUN),
    bad_source("above the run", f"{OF_RUN}/../x", **RUN),
    bad_source("above the run by escapes", f"{OF_RUN}/%252e%252e/x", **RUN),
    bad_source("by no run", "runs:/<run_id>/model"),
    bad_source("by another run", "runs:/<run_id>/model", run_id="<deleted_run_id>"),
    bad_source("a logged model without its id", "models:/<model_id>"),
    bad_source("another logged model", "models:/m-0123", **MODEL),
    bad_source("a web page", "http://host/path"),
    bad_source("a web page in capitals", "HTTPS://host/path", **RUN),
    bad_source("another tracking server", "mlflow-artifacts://host/path", **RUN),
    bad_source("a file of the server", "/etc/passwd"),
    bad_source("a file of the server by a scheme", "file:///etc/passwd", **RUN),
    bad_source("a file beside the server", "passwd", **RUN),
    bad_source("a prompt's without a prompt", "dummy-source"),
    bad_source("a bucket alone", "s3://bucket"),
    bad_source("NUL", "s3://bucket/a\0b"),
    bad_source("no source", ""),
    bad_source("an unknown alias", "models:/<name>@never"),
    missing("an unknown version", "POST", "model-versions/create", {"name": "<name>", "source": "models:/<name>/99"}),
    missing("an unknown model", "POST", "model-versions/create", {"name": "<name>", "source": "models:/never-made/1"}),
    bad_source("a bad source for an unknown model", "/etc/passwd", name="never-made"),
]


@pytest.fixture(scope="package")
def registered(client: MlflowClient, subjects: Subjects) -> Any:
    """The subjects, with the name of a model that has a version and an alias."""
    name = client.create_registered_model(fresh_name("sources")).name
    client.create_model_version(name, SOURCE)
    client.set_registered_model_alias(name, "taken", "1")
    return SimpleNamespace(**asdict(subjects), name=name)


@pytest.mark.parametrize("case", SOURCES, ids=str)
def test_sources(rest: Rest, registered: Any, case: Case) -> None:
    assert_answer(send(rest, case, registered), case)


def test_a_version_of_a_logged_model_has_its_run_and_its_files(
    client: MlflowClient, rest: Rest, experiment_id: str, run_id: str, name: str
) -> None:
    model = client.create_logged_model(experiment_id, source_run_id=run_id)
    version = client.create_model_version(name, f"models:/{model.model_id}", model_id=model.model_id)
    assert (version.run_id, version.source) == (run_id, f"models:/{model.model_id}")
    assert client.get_model_version_download_uri(name, "1") == model.artifact_location


def test_the_commands_find_show_download_and_delete_versions(
    client: MlflowClient, name: str, run_id: str, system: RunningSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`tracklog models`, which asks a server as these clients do."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", system.url)

    def said(*words: str) -> str:
        result = CliRunner().invoke(tracklog, ["models", *words])
        assert result.exit_code == 0, result.output
        return result.output

    client.log_text(run_id, "weights", "model/data/weights.bin")
    client.log_text(run_id, "flavors", "model/MLmodel")
    client.create_model_version(name, f"runs:/{run_id}/model", run_id, tags={"a": "1"})
    made(client, name, 1)
    said("set-alias", "-n", name, "--alias", "champion", "--version", "1")
    assert [json.loads(line)["version"] for line in said("versions", "-n", name, "--json").splitlines()] == ["2", "1"]
    assert said("list", "--filter", f"name = '{name}'").splitlines()[2].split()[:3] == [name, "2", "champion:"]
    header, second, first = said("csv", "-n", name).splitlines()
    assert header.split(",")[:4] == ["name", "version", "current_stage", "aliases"]
    assert (second.split(",")[3], first.split(",")[3]) == ("", "champion")
    assert first.endswith('"{""a"": ""1""}"')
    said("download", "-n", name, "--alias", "champion", "-d", str(tmp_path))
    assert {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()} == {
        "MLmodel",
        "data/weights.bin",
    }
    assert (tmp_path / "data" / "weights.bin").read_text() == "weights"
    assert json.loads(said("get", "-n", name, "--alias", "champion"))["version"] == "1"
    said("delete-alias", "-n", name, "--alias", "champion")
    said("delete", "-n", name, "--version", "2")
    elsewhere = CliRunner().invoke(tracklog, ["models", "download", "-n", name, "--version", "2"])
    assert (elsewhere.exit_code, "not found" in elsewhere.output) == (1, True)
    asked = CliRunner().invoke(tracklog, ["models", "delete", "-n", name], input="n\n")
    assert (asked.exit_code, client.get_registered_model(name).name) == (1, name)
    said("delete", "-n", name, "--yes")
    assert said("versions", "-n", name, "--json") == ""
