"""The published JSON Schemas say what the definitions say."""

import json
from pathlib import Path
from typing import Final

import pytest

from schemas.events import EVENT_TYPES, AnyEvent, RunDataLogged
from schemas.json_schemas import file_name, schema_of, text_of, write

PUBLISHED: Final = Path(__file__).resolve().parents[3] / "docs" / "events"


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.event_type)
def test_the_published_schema_of_an_event_is_that_of_its_definition(event: type[AnyEvent]) -> None:
    published = PUBLISHED / file_name(event)
    assert published.read_bytes() == text_of(event), "run `python -m schemas.json_schemas docs/events`"


def test_there_is_one_file_for_every_version_of_every_event_and_no_other() -> None:
    expected = {
        f"{name}.v{version}.schema.json"
        for name, event in EVENT_TYPES.items()
        for version in range(1, event.event_version + 1)
    }
    assert {file.name for file in PUBLISHED.iterdir()} == expected


def test_a_schema_tells_what_is_needed_and_what_may_be_left_out() -> None:
    schema = schema_of(RunDataLogged)
    assert schema["required"] == ["run_id"]
    assert schema["properties"]["params"] == {"type": "array", "items": {"$ref": "#/$defs/Param"}, "default": []}
    assert schema["$defs"]["Param"]["required"] == ["key", "value"]
    assert schema["description"].startswith("Params, metric points and tags of one request")


def test_every_reference_inside_a_schema_leads_somewhere() -> None:
    for event in EVENT_TYPES.values():
        schema = schema_of(event)
        references = [part.partition('"')[0] for part in json.dumps(schema).split('"$ref": "#/$defs/')[1:]]
        assert set(references) <= set(schema.get("$defs", {}))


def test_the_schemas_are_written_where_one_says(tmp_path: Path) -> None:
    write(tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {file_name(one) for one in EVENT_TYPES.values()}
