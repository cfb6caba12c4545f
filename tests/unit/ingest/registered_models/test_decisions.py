"""Command, expected event or error: registered models."""

import pytest

from ingest.registered_models import decisions
from ingest.registered_models.state import NameHolder
from schemas.errors import InvalidParameterValue
from schemas.events import RegisteredModelAliasSet, RegisteredModelCreated, RegisteredModelRenamed, Tag
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    DeleteRegisteredModelAlias,
    DeleteRegisteredModelTag,
    RegistryTag,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from schemas.mlflow import IS_PROMPT_TAG

GOOD_NAMES = ("m", "M", " m ", "m\n", ".a", "a..", "a.b", "%2F", "a\\b", "it's", "?#", "é", "5", "n" * 500)
BAD_NAMES = (" ", "\t\n", "a/b", "/", "a:b", ".", "..", "...", "..a")

GOOD_ALIASES = ("champion", "Champion", "ä", "-", "_", "1", "v", "v1a", "latest1", "a" * 255)
BAD_ALIASES = (" ", "a b", "a.b", "a/b", "a@b", "a\n")
RESERVED_ALIASES = ("latest", "LATEST", "Latest", "v1", "V1", "v007")


def test_a_new_model_keeps_what_it_was_given_and_the_last_of_equal_tags() -> None:
    tags = [RegistryTag(key="b", value="1"), RegistryTag(key="a"), RegistryTag(key="b", value="2")]
    command = CreateRegisteredModel(name="m", description="d", tags=tags)
    assert decisions.create(command, "i") == RegisteredModelCreated(
        name="m", registered_model_id="i", description="d", tags=[Tag("a", ""), Tag("b", "2")]
    )


@pytest.mark.parametrize("key", ["", "@", "/a", "a//b", "k" * 251])
def test_a_bad_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.create(CreateRegisteredModel(name="m", tags=[RegistryTag(key="a"), RegistryTag(key=key)]), "i")
    with pytest.raises(InvalidParameterValue):
        decisions.set_tag(SetRegisteredModelTag(name="m", key=key))
    with pytest.raises(InvalidParameterValue):
        decisions.delete_tag(DeleteRegisteredModelTag(name="m", key=key))


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_is_any_text_that_is_one_segment_of_a_path(name: str) -> None:
    assert decisions.create(CreateRegisteredModel(name=name), "i").name == name
    assert decisions.rename(RenameRegisteredModel(name="m", new_name=name)) == RegisteredModelRenamed(
        name="m", new_name=name
    )


@pytest.mark.parametrize("name", BAD_NAMES)
def test_every_command_refuses_a_bad_name(name: str) -> None:
    for decide in (
        lambda: decisions.create(CreateRegisteredModel(name=name), "i"),
        lambda: decisions.update(UpdateRegisteredModel(name=name)),
        lambda: decisions.rename(RenameRegisteredModel(name=name, new_name="n")),
        lambda: decisions.delete(DeleteRegisteredModel(name=name)),
        lambda: decisions.set_tag(SetRegisteredModelTag(name=name, key="k")),
        lambda: decisions.delete_tag(DeleteRegisteredModelTag(name=name, key="k")),
        lambda: decisions.set_alias(SetRegisteredModelAlias(name=name, alias="a", version="1")),
        lambda: decisions.delete_alias(DeleteRegisteredModelAlias(name=name, alias="a")),
    ):
        with pytest.raises(InvalidParameterValue, match="for parameter 'name'"):
            decide()
    with pytest.raises(InvalidParameterValue, match="for parameter 'new_name'"):
        decisions.rename(RenameRegisteredModel(name="m", new_name=name))


@pytest.mark.parametrize("alias", GOOD_ALIASES)
def test_an_alias_is_made_of_letters_digits_underscores_and_dashes(alias: str) -> None:
    assert decisions.set_alias(SetRegisteredModelAlias(name="m", alias=alias, version="1")) == RegisteredModelAliasSet(
        name="m", alias=alias, version=1
    )


@pytest.mark.parametrize("alias", BAD_ALIASES)
def test_a_bad_alias_is_neither_set_nor_deleted(alias: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.set_alias(SetRegisteredModelAlias(name="m", alias=alias, version="1"))
    with pytest.raises(InvalidParameterValue):
        decisions.delete_alias(DeleteRegisteredModelAlias(name="m", alias=alias))


@pytest.mark.parametrize("alias", RESERVED_ALIASES)
def test_what_would_be_taken_for_a_version_is_never_set_and_may_be_deleted(alias: str) -> None:
    with pytest.raises(InvalidParameterValue, match="reserved"):
        decisions.set_alias(SetRegisteredModelAlias(name="m", alias=alias, version="1"))
    assert decisions.delete_alias(DeleteRegisteredModelAlias(name="m", alias=alias)).alias == alias


def test_a_version_is_read_as_leniently_as_mlflow_reads_it() -> None:
    for text, number in ((" 3 ", 3), ("03", 3), ("-1", 0), ("9" * 30, 0)):
        assert decisions.set_alias(SetRegisteredModelAlias(name="m", alias="a", version=text)).version == number
    for text in ("1.0", "x", ""):
        with pytest.raises(InvalidParameterValue, match="not an integer"):
            decisions.set_alias(SetRegisteredModelAlias(name="m", alias="a", version=text))


@pytest.mark.parametrize(
    ("tags", "is_prompt"),
    [([], False), ([("k", "true")], False), ([(IS_PROMPT_TAG, "True")], True), ([(IS_PROMPT_TAG, "false")], False)],
)
def test_the_marker_makes_a_prompt(tags: list[tuple[str, str]], is_prompt: bool) -> None:
    command = CreateRegisteredModel(name="m", tags=[RegistryTag(key=key, value=value) for key, value in tags])
    assert decisions.is_prompt(decisions.create(command, "i")) is is_prompt


def test_the_refusal_of_a_taken_name_says_what_has_it() -> None:
    model, prompt = NameHolder("m", is_prompt=False), NameHolder("m", is_prompt=True)
    messages = {decisions.taken(holder, is_prompt=one).message for holder in (model, prompt) for one in (False, True)}
    assert len(messages) == 4
    assert all("(name=m) already exists." in message for message in messages)
