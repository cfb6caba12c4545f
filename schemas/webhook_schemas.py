"""JSON Schemas of what webhooks are sent, from its definition: `python -m schemas.webhook_schemas docs/webhooks`."""

import inspect
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from schemas.json_schemas import DIALECT
from schemas.webhook_events import ANNOUNCEMENTS, Announcement, Data

_TIMESTAMP: Final = {
    "type": "string",
    "format": "date-time",
    "description": "When it happened, in UTC with microseconds, such as 2026-01-31T12:00:00.000000+00:00.",
}


def file_name(announcement: Announcement) -> str:
    return f"{announcement.name}.schema.json"


def schema_of(announcement: Announcement) -> dict[str, Any]:
    """The JSON Schema of a body. A receiver ignores fields that it does not know."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:tracklog:webhook:{announcement.name}",
        "title": announcement.name,
        "description": announcement.when,
        "type": "object",
        "properties": {
            "entity": {"const": announcement.entity},
            "action": {"const": announcement.action},
            "timestamp": _TIMESTAMP,
            "data": _data(type(announcement.example)),
        },
        "required": ["entity", "action", "timestamp", "data"],
    }


def _data(data: type[Data]) -> dict[str, Any]:
    _, definitions = msgspec.json.schema_components([data])
    (own,) = definitions.values()
    described = {key: value for key, value in own.items() if key not in ("title", "description")}
    if data.__doc__ in (None, Data.__doc__):
        return described
    return {"description": inspect.cleandoc(data.__doc__ or ""), **described}


def write(folder: Path) -> None:
    """Write the schema of everything that webhooks are told of into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for announcement in ANNOUNCEMENTS.values():
        (folder / file_name(announcement)).write_bytes(text_of(announcement))


def text_of(announcement: Announcement) -> bytes:
    """A schema as its file holds it."""
    return orjson.dumps(schema_of(announcement), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
