"""The values of a span's attributes: as events hold them, as MLflow reads them, and as text.

An event holds a value as JSON, with objects of one key for what JSON has no form for: see `schemas.events.traces.Span`.
"""

import base64
from typing import Any, Final

import msgspec

BYTES: Final = "$bytes"
DOUBLE: Final = "$double"
MAP: Final = "$map"
TAGGED: Final = frozenset({BYTES, DOUBLE, MAP})

_OPENINGS: Final = ("{", "[", '"')

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def is_tagged(value: dict[str, Any]) -> bool:
    """Whether an object stands for a value that JSON has no form for."""
    return len(value) == 1 and next(iter(value)) in TAGGED


def escaped_map(value: dict[str, Any]) -> dict[str, Any]:
    """A map as an event holds it."""
    return {MAP: value} if is_tagged(value) else value


def read_value(value: Any) -> Any:
    """A value as MLflow reads it: text that is a JSON object, list or text in itself is what it says, once.

    Bytes are bytes, NaN and infinities are texts. Source: MLflow 3.17, which stores every attribute as JSON text.
    """
    if value.__class__ is str:
        return value if (inner := _within(value)) is None else inner
    return None if value is None else _native(value)


def json_text(value: Any) -> str:
    """A value as JSON text, as MLflow keeps it; bytes in base64."""
    if value.__class__ is str and _within(value) is not None:
        return str(value)
    return _encode(_native(value)).decode()


def plain_text(value: Any) -> str:
    """A value as a filter compares it: text as it is, all else as JSON."""
    kind = value.__class__
    return str(value) if kind is str or kind is int else json_text(value)


def _within(text: str) -> Any:
    """What a text holds that is a JSON object, list or text; None for any other."""
    if not text.startswith(_OPENINGS):
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _native(value: Any) -> Any:
    match value:
        case dict():
            if len(value) == 1:
                ((key, inner),) = value.items()
                if key == BYTES:
                    return base64.b64decode(inner)
                if key == DOUBLE:
                    return inner
                if key == MAP:
                    value = inner
            return {key: _native(inner) for key, inner in value.items()}
        case list():
            return [_native(inner) for inner in value]
        case _:
            return value
