"""What webhooks may be told of, and the published JSON Schemas of it."""

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from schemas.webhook_events import ANNOUNCEMENTS, MLFLOW_PAIRS, Announcement
from schemas.webhook_schemas import file_name, schema_of, text_of, write

PUBLISHED: Final = Path(__file__).resolve().parents[3] / "docs" / "webhooks"
OF_MLFLOW: Final = {
    ("REGISTERED_MODEL", "CREATED"),
    ("MODEL_VERSION", "CREATED"),
    ("PROMPT", "CREATED"),
    ("PROMPT_VERSION", "CREATED"),
    ("BUDGET_POLICY", "EXCEEDED"),
    *(
        (f"{entity}_TAG", action)
        for entity in ("MODEL_VERSION", "PROMPT", "PROMPT_VERSION")
        for action in ("SET", "DELETED")
    ),
    *((f"{entity}_ALIAS", action) for entity in ("MODEL_VERSION", "PROMPT") for action in ("CREATED", "DELETED")),
}

every_announcement = pytest.mark.parametrize("announcement", ANNOUNCEMENTS.values(), ids=lambda one: one.name)


def test_mlflows_pairs_are_those_of_mlflow() -> None:
    assert set(MLFLOW_PAIRS) == OF_MLFLOW


@every_announcement
def test_a_name_is_an_entity_and_an_action(announcement: Announcement) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", announcement.name)
    assert f"{announcement.entity}.{announcement.action}" == announcement.name


def test_mlflow_names_a_pair_in_upper_case_and_has_none_for_ours() -> None:
    assert ANNOUNCEMENTS["model_version.created"].mlflow_pair == ("MODEL_VERSION", "CREATED")
    assert MLFLOW_PAIRS["MODEL_VERSION", "CREATED"].name == "model_version.created"
    assert ANNOUNCEMENTS["model_version.stage_changed"].mlflow_pair is None


@every_announcement
def test_an_example_has_every_field_of_the_schema_in_its_order(announcement: Announcement) -> None:
    data = schema_of(announcement)["properties"]["data"]
    assert list(msgspec.to_builtins(announcement.example)) == list(data["properties"]) == data["required"]


@every_announcement
def test_an_example_is_told_in_full(announcement: Announcement) -> None:
    """Nothing that a receiver may have to read is left empty, where it need not be."""
    fields = msgspec.to_builtins(announcement.example)
    assert [name for name, value in fields.items() if value in (None, "", {}, [])] in ([], ["target_value"])


@every_announcement
def test_the_published_schema_is_that_of_the_definition(announcement: Announcement) -> None:
    published = PUBLISHED / file_name(announcement)
    assert published.read_bytes() == text_of(announcement), "run `python -m schemas.webhook_schemas docs/webhooks`"


def test_there_is_one_published_schema_for_each_name_and_no_other() -> None:
    assert {file.name for file in PUBLISHED.iterdir()} == {f"{name}.schema.json" for name in ANNOUNCEMENTS}


def test_a_schema_says_what_the_fields_of_its_data_mean() -> None:
    data = schema_of(ANNOUNCEMENTS["model_version.stage_changed"])["properties"]["data"]
    assert data["description"].startswith("`archived_versions` are those")
    assert data["properties"]["archived_versions"] == {"type": "array", "items": {"type": "string"}}
    assert "description" not in schema_of(ANNOUNCEMENTS["model_version_tag.set"])["properties"]["data"]


def test_the_schemas_are_written_where_one_says(tmp_path: Path) -> None:
    write(tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {file_name(one) for one in ANNOUNCEMENTS.values()}
