"""JSON Schemas of the events' payloads, made from their definitions: `python -m schemas.json_schemas docs/events`.

A file holds one version of one event type. When a definition gets a new version, the files of the older ones stay as
they are, for those who read the log from its beginning.
"""

import inspect
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from schemas.events import EVENT_TYPES, AnyEvent, Event

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def file_name(event: type[AnyEvent]) -> str:
    return f"{event.event_type}.v{event.event_version}.schema.json"


def schema_of(event: type[AnyEvent]) -> dict[str, Any]:
    """The JSON Schema of an event's payload. A reader ignores fields that it does not know."""
    (generated,), definitions = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    own = definitions.pop(generated["$ref"].rpartition("/")[2])
    for name in ("undo", "origin"):  # of all events alike: docs/event-schemas.md
        del own["properties"][name], definitions[name.title()]
    described = {key: value for key, value in own.items() if key not in ("title", "description")}
    schema = {
        "$schema": DIALECT,
        "$id": f"urn:tracklog:event:{event.event_type}:{event.event_version}",
        "title": f"{event.event_type} version {event.event_version}",
        "description": _description(event),
        **described,
    }
    return schema | ({"$defs": {name: _cleaned(part) for name, part in definitions.items()}} if definitions else {})


def _cleaned(part: dict[str, Any]) -> dict[str, Any]:
    return part | {"description": inspect.cleandoc(part["description"])} if "description" in part else part


def _description(event: type[AnyEvent]) -> str:
    own = event.__doc__ if event.__doc__ != Event.__doc__ else None
    return inspect.cleandoc(own) if own else f"The payload of {event.event_type}."


def write(folder: Path) -> None:
    """Write the schema of every event type's newest version into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for event in EVENT_TYPES.values():
        (folder / file_name(event)).write_bytes(text_of(event))


def text_of(event: type[AnyEvent]) -> bytes:
    """A schema as its file holds it."""
    return orjson.dumps(schema_of(event), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
