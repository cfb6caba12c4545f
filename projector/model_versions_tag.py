"""The tag of a logged model that lists the versions made from it, as the fold keeps it: each of them once.

The server adds a version when it makes it. MLflow's client then reads the tag, adds the same version with its number as
a text, and writes the whole list back; two clients at a time would each forget what the other added.
"""

import re
from typing import Any, Final

import orjson

from schemas.messages.bounds import MAX_MODEL_VERSIONS_CHARACTERS

_NUMBER: Final = re.compile("[0-9]{1,18}")
"""Of a version, as text: one that fits into 64 bits."""


def with_version(text: str | None, name: str, version: int) -> str:
    """The tag, of which `text` is the value or None, with one more version.

    A text that is no list stays as it is; so does a list that has no room.
    """
    listed = _list_of(text or "[]")
    if listed is None:
        return text or ""
    longer = _text_of([*listed, {"name": name, "version": version}])
    return longer if len(longer) <= MAX_MODEL_VERSIONS_CHARACTERS else text or longer


def merged(text: str | None, sent: str) -> str:
    """The tag, of which `text` is the value or None, after a client wrote `sent`: what either of the lists has.

    What is no list is kept as it was sent. Lists that have no room together leave the tag as it is.
    """
    new = _list_of(sent)
    if new is None:
        return sent
    listed = _list_of(text or "[]") or []
    both = _text_of([*listed, *new])
    return both if len(both) <= MAX_MODEL_VERSIONS_CHARACTERS else text or sent


def _list_of(text: str) -> list[Any] | None:
    """None when the text is no JSON list, or none that could be written again: what is nested too deep cannot."""
    try:
        value = orjson.loads(text)
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return value if isinstance(value, list) else None


def _text_of(entries: list[Any]) -> str:
    """The list with each version once, its number a number; what is no version is kept, once."""
    kept: dict[object, Any] = {}
    for entry in entries:
        match entry:
            case {"name": str(name), "version": int(version)}:
                kept.setdefault((name, version), entry)
            case {"name": str(name), "version": str(digits)} if _NUMBER.fullmatch(digits):
                kept.setdefault((name, int(digits)), {**entry, "version": int(digits)})
            case _:
                kept.setdefault(orjson.dumps(entry), entry)
    return orjson.dumps(list(kept.values())).decode()
