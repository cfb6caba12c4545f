"""What commands about versions of registered models become: command, event or error."""

import pytest

from ingest.model_versions import decisions
from ingest.model_versions.source_files import Files
from schemas.errors import InvalidParameterValue
from schemas.events import (
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    Tag,
)
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
)
from schemas.messages.registered_models import RegistryTag

FILES = Files("models:/a/1", "s3://b/p", "r")


def test_a_new_version_keeps_what_came_of_its_source() -> None:
    command = CreateModelVersion(
        name="n",
        source="models:/a/latest",
        model_id="m-1",
        run_link="l",
        description="d",
        tags=[RegistryTag(key="b", value="1"), RegistryTag(key="a", value="2"), RegistryTag(key="b", value="3")],
    )
    assert decisions.create(command, FILES, "v1") == ModelVersionCreated(
        name="n",
        version_id="v1",
        source="models:/a/1",
        storage_location="s3://b/p",
        run_id="r",
        run_link="l",
        logged_model_id="m-1",
        description="d",
        tags=[Tag("a", "2"), Tag("b", "3")],
    )


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".", ".."])
def test_a_bad_name_is_refused_by_all(name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.create(CreateModelVersion(name=name), FILES, "v1")
    with pytest.raises(InvalidParameterValue):
        decisions.update(UpdateModelVersion(name=name, version="1"))
    with pytest.raises(InvalidParameterValue):
        decisions.transition(TransitionModelVersionStage(name=name, version="1", stage="None"))
    with pytest.raises(InvalidParameterValue):
        decisions.delete(DeleteModelVersion(name=name, version="1"))
    with pytest.raises(InvalidParameterValue):
        decisions.set_tag(SetModelVersionTag(name=name, version="1", key="k"))
    with pytest.raises(InvalidParameterValue):
        decisions.delete_tag(DeleteModelVersionTag(name=name, version="1", key="k"))


@pytest.mark.parametrize("version", ["", "x", "1.0", "1e0", "0x1"])
def test_a_version_that_is_no_number_is_refused_by_all(version: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decisions.update(UpdateModelVersion(name="n", version=version))
    with pytest.raises(InvalidParameterValue):
        decisions.transition(TransitionModelVersionStage(name="n", version=version, stage="None"))
    with pytest.raises(InvalidParameterValue):
        decisions.delete(DeleteModelVersion(name="n", version=version))
    with pytest.raises(InvalidParameterValue):
        decisions.set_tag(SetModelVersionTag(name="n", version=version, key="k"))
    with pytest.raises(InvalidParameterValue):
        decisions.delete_tag(DeleteModelVersionTag(name="n", version=version, key="k"))


@pytest.mark.parametrize(("version", "number"), [("3", 3), (" 3 ", 3), ("03", 3), ("-1", 0), ("9" * 30, 0)])
def test_a_number_may_be_written_in_several_ways(version: str, number: int) -> None:
    command = DeleteModelVersion(name="n", version=version)
    assert decisions.delete(command) == ModelVersionDeleted(name="n", version=number)


@pytest.mark.parametrize("description", [None, "", "d"])
def test_an_update_without_a_description_clears_it(description: str | None) -> None:
    command = UpdateModelVersion(name="n", version="1", description=description)
    assert decisions.update(command) == ModelVersionUpdated(name="n", version=1, description=description)


@pytest.mark.parametrize(
    ("stage", "kept"),
    [("none", "None"), ("STAGING", "Staging"), ("Production", "Production"), ("archived", "Archived")],
)
def test_a_stage_may_be_written_in_any_letter_case(stage: str, kept: str) -> None:
    command = TransitionModelVersionStage(name="n", version="1", stage=stage)
    assert decisions.transition(command) == ModelVersionTransitioned(name="n", version=1, stage=kept)


@pytest.mark.parametrize("stage", ["", " Staging ", "Deleted_Internal", "production!"])
def test_another_stage_is_refused(stage: str) -> None:
    with pytest.raises(InvalidParameterValue, match="stage"):
        decisions.transition(TransitionModelVersionStage(name="n", version="1", stage=stage))


def test_versions_are_archived_from_the_stages_of_use_alone() -> None:
    """Of the other two MLflow answers 500."""
    for stage in ("Staging", "Production"):
        command = TransitionModelVersionStage(name="n", version="1", stage=stage, archive_existing_versions=True)
        assert decisions.transition(command).archive_existing
    for stage in ("None", "archived"):
        command = TransitionModelVersionStage(name="n", version="1", stage=stage, archive_existing_versions=True)
        with pytest.raises(InvalidParameterValue, match="archive_existing_versions"):
            decisions.transition(command)


def test_tags_have_plain_keys() -> None:
    set_tag = SetModelVersionTag(name="n", version="2", key="k", value="v")
    assert decisions.set_tag(set_tag) == ModelVersionTagSet(name="n", version=2, key="k", value="v")
    delete_tag = DeleteModelVersionTag(name="n", version="2", key="k")
    assert decisions.delete_tag(delete_tag) == ModelVersionTagDeleted(name="n", version=2, key="k")
    for key in ("", "a@", "/a", "a//b", "a" * 251):
        with pytest.raises(InvalidParameterValue):
            decisions.set_tag(SetModelVersionTag(name="n", version="2", key=key))
        with pytest.raises(InvalidParameterValue):
            decisions.delete_tag(DeleteModelVersionTag(name="n", version="2", key=key))
        with pytest.raises(InvalidParameterValue):
            decisions.create(CreateModelVersion(name="n", tags=[RegistryTag(key=key)]), FILES, "v1")
