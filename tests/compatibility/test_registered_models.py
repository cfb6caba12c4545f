"""Registered models: their life, names, tags, aliases and searches."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error
from tests.eventually import wait_for_the_next_millisecond

SOURCE = "s3://bucket/path"


@pytest.fixture
def name(client: MlflowClient) -> str:
    """A registered model of the test's own, without versions."""
    made: str = client.create_registered_model(fresh_name("model")).name
    return made


def refused_with(code: str) -> pytest.RaisesExc[MlflowException]:
    return pytest.RaisesExc(MlflowException, check=lambda refusal: refusal.error_code == code)


def test_a_registered_model_reads_back_whole(client: MlflowClient) -> None:
    name = fresh_name("model")
    created = client.create_registered_model(name, tags={"team": "red"}, description="doubles")
    for model in (created, client.get_registered_model(name)):
        assert (model.name, model.description, model.tags) == (name, "doubles", {"team": "red"})
        assert model.creation_timestamp == model.last_updated_timestamp > 0
        assert (model.latest_versions, model.aliases) == ([], {})


def test_a_name_is_taken_once(client: MlflowClient, name: str) -> None:
    with refused_with("RESOURCE_ALREADY_EXISTS"):
        client.create_registered_model(name)
    client.create_registered_model(name.upper())


@pytest.mark.parametrize("bad", ["", " ", "a/b", "a:b", ".", ".."])
def test_names_that_no_uri_could_hold_are_refused(rest: Rest, bad: str) -> None:
    assert_error(rest.post("registered-models/create", {"name": bad}), 400, "INVALID_PARAMETER_VALUE")


def test_names_with_blanks_quotes_and_other_letters_are_kept_as_they_are(client: MlflowClient) -> None:
    name = f' {fresh_name()} o\'brien "x" 50% ä漢\\ '
    client.create_registered_model(name)
    assert client.get_registered_model(name).name == name


def test_an_update_changes_the_description_and_the_time(client: MlflowClient, name: str) -> None:
    before = client.get_registered_model(name)
    wait_for_the_next_millisecond()
    assert client.update_registered_model(name, "new").description == "new"
    after = client.get_registered_model(name)
    assert (after.description, after.creation_timestamp) == ("new", before.creation_timestamp)
    assert after.last_updated_timestamp > before.last_updated_timestamp


def test_tags_are_overwritten_and_deleted_and_move_no_time(client: MlflowClient, name: str) -> None:
    before = client.get_registered_model(name)
    for value in ("1", "2"):
        client.set_registered_model_tag(name, "a", value)
    client.set_registered_model_tag(name, "b", "x")
    client.delete_registered_model_tag(name, "b")
    client.delete_registered_model_tag(name, "never set")
    after = client.get_registered_model(name)
    assert after.tags == {"a": "2"}
    assert after.last_updated_timestamp == before.last_updated_timestamp


def test_what_is_unknown_is_missing(client: MlflowClient) -> None:
    name = fresh_name("never-made")
    for call in (
        lambda: client.get_registered_model(name),
        lambda: client.update_registered_model(name, "x"),
        lambda: client.rename_registered_model(name, "x"),
        lambda: client.delete_registered_model(name),
        lambda: client.set_registered_model_tag(name, "a", "b"),
        lambda: client.set_registered_model_alias(name, "a", "1"),
        lambda: client.create_model_version(name, SOURCE),
    ):
        with refused_with("RESOURCE_DOES_NOT_EXIST"):
            call()


def test_a_rename_takes_versions_tags_and_aliases_along(client: MlflowClient, name: str) -> None:
    client.set_registered_model_tag(name, "a", "1")
    client.create_model_version(name, SOURCE, tags={"b": "2"})
    client.set_registered_model_alias(name, "champion", "1")
    renamed = fresh_name("renamed")
    client.rename_registered_model(name, renamed)
    model = client.get_registered_model(renamed)
    assert (model.tags, model.aliases) == ({"a": "1"}, {"champion": "1"})
    assert [version.name for version in model.latest_versions] == [renamed]
    version = client.get_model_version_by_alias(renamed, "champion")
    assert (version.name, version.version, version.tags) == (renamed, "1", {"b": "2"})
    assert version.last_updated_timestamp == model.last_updated_timestamp
    with refused_with("RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model(name)
    assert client.create_model_version(renamed, SOURCE).version == "2"
    client.create_registered_model(name)
    with refused_with("RESOURCE_ALREADY_EXISTS"):
        client.rename_registered_model(renamed, name)


def test_a_name_is_free_again_after_a_delete_and_nothing_comes_back(client: MlflowClient, name: str) -> None:
    client.set_registered_model_tag(name, "a", "1")
    for _ in range(2):
        client.create_model_version(name, SOURCE, tags={"b": "2"})
    client.set_registered_model_alias(name, "champion", "2")
    client.delete_registered_model(name)
    with refused_with("RESOURCE_DOES_NOT_EXIST"):
        client.delete_registered_model(name)
    with refused_with("RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version(name, "1")
    assert client.search_model_versions(f"name = '{name}'") == []
    model = client.create_registered_model(name)
    assert (model.tags, model.aliases) == ({}, {})
    version = client.create_model_version(name, SOURCE)
    assert (version.version, version.tags, version.aliases) == ("1", {}, [])


def test_an_alias_stands_for_one_version_at_a_time(client: MlflowClient, name: str) -> None:
    for _ in range(3):
        client.create_model_version(name, SOURCE)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "Champion", "3")
    client.set_registered_model_alias(name, "stable", "2")
    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_registered_model(name).aliases == {"champion": "2", "stable": "2", "Champion": "3"}
    version = client.get_model_version_by_alias(name, "champion")
    assert (version.version, sorted(version.aliases)) == ("2", ["champion", "stable"])
    for _ in range(2):
        client.delete_registered_model_alias(name, "champion")
    with refused_with("INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(name, "champion")
    client.delete_model_version(name, "2")
    assert client.get_registered_model(name).aliases == {"Champion": "3"}


def test_the_alias_latest_is_the_highest_version_there_is(client: MlflowClient, name: str) -> None:
    with refused_with("RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version_by_alias(name, "latest")
    for _ in range(3):
        client.create_model_version(name, SOURCE)
    client.delete_model_version(name, "3")
    assert client.get_model_version_by_alias(name, "Latest").version == "2"


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V22", "a b", "a.b", ""])
def test_aliases_that_mean_something_else_are_refused(rest: Rest, client: MlflowClient, name: str, alias: str) -> None:
    client.create_model_version(name, SOURCE)
    answer = rest.post("registered-models/alias", {"name": name, "alias": alias, "version": "1"})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_models_are_found_by_name_and_tags_in_order(client: MlflowClient) -> None:
    mark = fresh_name("found")
    for letter, team in (("b", "red"), ("a", "red"), ("C", "blue")):
        client.create_registered_model(f"{mark}-{letter}", tags={"team": team})

    def found(condition: str, order_by: list[str] | None = None) -> list[str]:
        models = client.search_registered_models(f"name LIKE '{mark}%'{condition}", order_by=order_by)
        return [model.name.removeprefix(f"{mark}-") for model in models]

    assert found("") == ["C", "a", "b"]
    assert found("", ["name DESC"]) == ["b", "a", "C"]
    assert found("", ["last_updated_timestamp DESC"]) == ["C", "a", "b"]
    assert found(" AND tags.team = 'red'") == ["a", "b"]
    assert found(" AND tag.team != 'red'") == ["C"]
    assert found(" AND tags.`team` ILIKE 'R%'") == ["a", "b"]
    assert found(" AND name ILIKE '%-c'") == ["C"]
    assert found(f" AND name IN ('{mark}-a', '{mark}-C')") == ["C", "a"]
    for bad in (" AND version = 1", " AND name > 'a'", " OR name = 'a'"):
        with refused_with("INVALID_PARAMETER_VALUE"):
            found(bad)
    with refused_with("INVALID_PARAMETER_VALUE"):
        found("", ["creation_timestamp"])


def test_pages_of_models_are_full_and_the_last_has_no_token(client: MlflowClient) -> None:
    mark = fresh_name("paged")
    for number in range(6):
        client.create_registered_model(f"{mark}-{number}")
    pages, token = [], None
    while True:
        page = client.search_registered_models(f"name LIKE '{mark}%'", max_results=3, page_token=token)
        pages.append([model.name.removeprefix(f"{mark}-") for model in page])
        token = page.token
        if not token:
            break
    assert pages == [["0", "1", "2"], ["3", "4", "5"]]


def test_prompts_are_no_models(client: MlflowClient, rest: Rest) -> None:
    name = fresh_name("prompt")
    marker = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    rest.post("registered-models/create", {"name": name, "tags": [marker]})
    assert client.search_registered_models(f"name = '{name}'") == []
    with pytest.raises(MlflowException):
        client.get_registered_model(name)
    shown = rest.get("registered-models/get", {"name": name}).json()["registered_model"]
    assert shown["tags"] == [marker]


def test_a_registered_model_has_its_keys_in_mlflows_order_and_none_that_is_empty(rest: Rest, name: str) -> None:
    shown = rest.get("registered-models/get", {"name": name}).json()["registered_model"]
    assert list(shown) == ["name", "creation_timestamp", "last_updated_timestamp"]
    rest.send("PATCH", "registered-models/update", json={"name": name, "description": "d"})
    rest.post("registered-models/set-tag", {"name": name, "key": "a", "value": "1"})
    rest.post("model-versions/create", {"name": name, "source": SOURCE})
    rest.post("registered-models/alias", {"name": name, "alias": "x", "version": "1"})
    shown = rest.get("registered-models/get", {"name": name}).json()["registered_model"]
    assert list(shown) == [
        "name",
        "creation_timestamp",
        "last_updated_timestamp",
        "description",
        "latest_versions",
        "tags",
        "aliases",
    ]
    assert (shown["aliases"], shown["tags"]) == ([{"alias": "x", "version": "1"}], [{"key": "a", "value": "1"}])
    assert "aliases" not in shown["latest_versions"][0]


def test_of_many_creates_of_one_name_one_wins(client: MlflowClient) -> None:
    name = fresh_name("contested")

    def create(_: int) -> str:
        try:
            return str(client.create_registered_model(name).name)
        except RestException as refusal:
            return str(refusal.error_code)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(create, range(6))) == sorted([name] + ["RESOURCE_ALREADY_EXISTS"] * 5)
