"""Spans as MLflow keeps them, as JSON, in rows of its database or in the file traces.json among artifacts."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import orjson

from read_model.spans.values import escaped_map
from schemas.events import Span, SpanEvent, SpanLink
from tracklog.moving.texts import mended

UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a span raises that is none."""

_ESCAPED: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""NUL, and halves of characters beyond the first plane."""
_PLAIN: Final = re.compile(r"true|false|null|-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?")

_STATUSES: Final = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2, "OK": 1, "ERROR": 2}
"""Some versions wrote the name of OpenTelemetry's code, and some the word of MLflow's."""

_HEXADECIMAL: Final = re.compile(r"(?:0x)?([0-9a-f]{1,32})")


def span_of(content: str) -> Span:
    """A span of MLflow's JSON. Raises what UNREADABLE has."""
    return _span(_read(content))


def spans_in(content: str) -> Iterator[Span | str]:
    """The spans of a file traces.json; in the place of one that cannot be read a sentence that says why.

    Raises what UNREADABLE has for what is no such file.
    """
    for number, found in enumerate(_read(content)["spans"]):
        try:
            yield _span(found)
        except UNREADABLE as error:
            yield f"span {number} cannot be read: {error!r:.200}"


def _read(content: str) -> Any:
    found = json.loads(content)
    return found if _ESCAPED.search(content) is None else mended_json(found)


def _span(found: Any) -> Span:
    span = _span_of_2(found) if "context" in found else _span_of_3(found)
    orjson.dumps(msgspec.to_builtins(span))  # numbers of more than 64 bits are no part of an event
    return span


def _span_of_3(found: Any) -> Span:
    status = found.get("status") or {}
    return Span(
        span_id=_id(found["span_id"]),
        parent_id=_id(found.get("parent_span_id")),
        name=str(found.get("name") or ""),
        start_ns=int(found.get("start_time_unix_nano") or 0),
        end_ns=int(found.get("end_time_unix_nano") or 0),
        status=_STATUSES.get(str(status.get("code")), 0),
        status_message=str(status.get("message") or ""),
        attributes={key: _value(value) for key, value in (found.get("attributes") or {}).items()},
        events=[
            SpanEvent(str(one.get("name") or ""), int(one.get("time_unix_nano") or 0), _attributes(one))
            for one in found.get("events") or ()
        ],
        links=_links(found),
    )


def _span_of_2(found: Any) -> Span:
    """As MLflow 2.14 to 2.22 wrote it."""
    return Span(
        span_id=_id(found["context"]["span_id"]),
        parent_id=_id(found.get("parent_id")),
        name=str(found.get("name") or ""),
        start_ns=int(found.get("start_time") or 0),
        end_ns=int(found.get("end_time") or 0),
        status=_STATUSES.get(str(found.get("status_code")), 0),
        status_message=str(found.get("status_message") or ""),
        attributes={key: _value(value) for key, value in (found.get("attributes") or {}).items()},
        events=[
            SpanEvent(str(one.get("name") or ""), int(one.get("timestamp") or 0), _attributes(one))
            for one in found.get("events") or ()
        ],
        links=_links(found),
    )


def _links(found: Any) -> list[SpanLink]:
    return [
        SpanLink(_id_of_trace(one.get("trace_id")), _id(one.get("span_id")), _attributes(one))
        for one in found.get("links") or ()
    ]


def _attributes(of: dict[str, Any]) -> dict[str, Any]:
    """Those of an event or a link, which MLflow keeps as the JSON that they are."""
    return {key: _escaped(value) for key, value in (of.get("attributes") or {}).items()}


def _escaped(value: Any) -> Any:
    """JSON as an event holds it, in which no map passes for what JSON has no form for."""
    match value:
        case dict():
            return escaped_map({key: _escaped(one) for key, one in value.items()})
        case list():
            return [_escaped(one) for one in value]
        case _:
            return value


def _value(found: Any) -> Any:
    """An attribute. MLflow keeps each as JSON in text: of a number, a truth value or nothing that is it, no text."""
    if not isinstance(found, str) or _PLAIN.fullmatch(found) is None:
        return _escaped(found)
    return json.loads(found)


def mended_json(value: Any) -> Any:
    """JSON with each character replaced that no event can hold; escaped, it passes for text until it is decoded."""
    match value:
        case str():
            return mended(value)
        case list():
            return [mended_json(one) for one in value]
        case dict():
            return {mended(key): mended_json(one) for key, one in value.items()}
        case _:
            return value


def _id(text: Any) -> str:
    """Hexadecimal of base64, as most versions wrote ids, or of what some wrote; empty for none."""
    if not text:
        return ""
    if (hexadecimal := _HEXADECIMAL.fullmatch(text)) is not None:
        return hexadecimal[1].rjust(16, "0")
    return base64.b64decode(text, validate=True).hex()


def _id_of_trace(text: Any) -> str:
    """As `_id`, of `tr-…` and `trace:/<location>/…` too."""
    if text and text.startswith("trace:/"):
        text = text.rpartition("/")[2]
    return _id(text.removeprefix("tr-") if text else text)
