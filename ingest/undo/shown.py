"""What a field is and would be, in words: an object by what is otherwise in it, points of a metric by their steps."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from ingest.undo.trace import Change
from schemas.event_json import client_time_text
from schemas.fields.evaluation_datasets import EXPERIMENTS, ORIGIN, RECORDS
from schemas.fields.field import END_TIME, Value
from schemas.fields.runs import DATASETS, INPUT_MODELS
from schemas.fields.scorers import ONLINE_CONFIG
from schemas.fields.traces import ASSESSMENTS, LINKED_PROMPTS, LINKED_RUNS

MAX_CHARACTERS: Final = 200
"""Of a value."""

MAX_POINTS: Final = 3

_NOTHING: Final = "not set"
_THERE: Final = "there"

_OBJECTS: Final = (RECORDS, ASSESSMENTS, DATASETS, ONLINE_CONFIG, ORIGIN)
"""Fields that hold an object, or begin so. Tags and params are texts, whatever a client writes into them."""

_ONLY_THERE: Final = (LINKED_RUNS, LINKED_PROMPTS, EXPERIMENTS, INPUT_MODELS)

_NAMES: Final = ("name", "inputs")
"""Of an object: what people know it by, which is always said."""

_KEPT_BY_US: Final = frozenset(
    {
        *("record_id", "created_time_ms", "last_update_time_ms", "created_by", "last_updated_by"),  # of records
        *("assessment_id", "create_time_ms"),
        "creation_time_ms",
    }
)
"""Said of an object only where nothing else is otherwise."""


def shown(change: Change) -> tuple[str, str]:
    """What is found and what is wanted, in words."""
    if change.points:
        return _points(change, 0), _points(change, 1)
    if not change.field.startswith(_OBJECTS) and not change.field.endswith(f".{ORIGIN}"):
        return _text(change.field, change.found), _text(change.field, change.wanted)
    found, wanted = _object(change.found), _object(change.wanted)
    keys = _otherwise(found or {}, wanted or {})
    return _members(found, keys), _members(wanted, keys)


def _points(change: Change, side: int) -> str:
    values = [(point.step, (point.old, point.new)[side]) for point in change.points]
    there = [f"{value} at step {step}" for step, value in values if value is not None]
    if not there:
        return "no such points"
    more = len(there) - MAX_POINTS
    return ", ".join(there[:MAX_POINTS]) + (f" and {more} more" if more > 0 else "")


def _object(value: Value) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None if value is None else orjson.loads(str(value))
    return found


def _otherwise(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    told = [key for key in keys if key not in _KEPT_BY_US]
    names = [key for key in _NAMES if key in found or key in wanted]
    return names + [key for key in told or keys if key not in _NAMES]


def _members(held: Mapping[str, Any] | None, keys: list[str]) -> str:
    if held is None:
        return _NOTHING
    return _cut(", ".join(f"{key} {_member(held[key])}" for key in keys if held.get(key) not in (None, "", "{}", {})))


def _member(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _text(field: str, value: Value) -> str:
    if value is None:
        return _NOTHING
    if field == END_TIME:
        return client_time_text(int(value))
    return _THERE if field.startswith(_ONLY_THERE) else _cut(orjson.dumps(value).decode())


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
