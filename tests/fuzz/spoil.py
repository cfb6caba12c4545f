"""A good request spoiled in every way its description allows: each field of each message, at every depth."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import quote

import zstandard

from schemas.messages.message import Message
from tests.fuzz.routes import FuzzedRoute, Subject

DEEP: Final = 200_000
"""Deeper than any parser's stack."""

BAD_JSON: Final[Mapping[str, str]] = {
    "null": "null",
    "empty-text": '""',
    "blank": '"  "',
    "true": "true",
    "text-true": '"true"',
    "zero": "0",
    "minus-one": "-1",
    "fraction": "1.5",
    "whole-fraction": "3.0",
    "text-number": '"3"',
    "int32-max-plus-1": str(2**31),
    "int64-max": str(2**63 - 1),
    "int64-max-plus-1": str(2**63),
    "int64-min": str(-(2**63)),
    "int64-min-minus-1": str(-(2**63) - 1),
    "uint64-max-plus-1": str(2**64),
    "400-digits": "9" * 400,
    "5000-digits-as-text": '"' + "9" * 5000 + '"',
    "too-large-a-double": "1e400",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "text-NaN": '"NaN"',
    "text-nan": '"nan"',
    "empty-list": "[]",
    "list-of-null": "[null]",
    "list-of-list": "[[]]",
    "list-of-numbers": "[1, 2]",
    "list-of-text": '["a", "b"]',
    "empty-object": "{}",
    "object": '{"a": {"b": [1]}}',
    "nul": '"a\\u0000b"',
    "lone-surrogate": '"\\ud800"',
    "emoji": '"\\ud83d\\ude00"',
    "newline": '"a\\nb"',
    "right-to-left": '"\\u202e"',
    "quote": '"\' OR 1=1 --"',
    "backslashes": '"\\\\\\\\"',
    "percent": '"%s%n%00"',
    "parent-folder": '"../../etc/passwd"',
    "absolute-path": '"/etc/passwd"',
    "long": '"' + "x" * 100_000 + '"',
    "longer-than-any-key": '"' + "x" * 251 + '"',
    "longer-than-any-name": '"' + "x" * 8001 + '"',
    "longer-than-any-tag": '"' + "x" * 20_001 + '"',
    "number-too-large-in-15-digits": '"1.79769313486232e+308"',
    "many-texts": "[" + ",".join(['"a"'] * 30_000) + "]",
    "many-empty-objects": "[" + ",".join(["{}"] * 30_000) + "]",
    "more-values-than-any-request": "[" + ",".join(["[]"] * 70_000) + "]",
    "long-list": "[" + ",".join(["1"] * 10_000) + "]",
    "deep-list": "[" * DEEP + "]" * DEEP,
    "deep-object": '{"a":' * DEEP + "1" + "}" * DEEP,
    "unclosed": '"abc',
    "nothing": "",
}
"""What a field may be replaced with, as JSON text; some of it is no JSON."""

BAD_BODIES: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "blank": b" \n",
    "garbage": b"\x00\xff\xfe{",
    "not-utf8": b'{"run_id": "\xff", "experiment_id": "\xff", "model_id": "\xff", "name": "\xff"}',
    "utf16": '{"run_id": "a"}'.encode("utf-16"),
    "byte-order-mark": b'\xef\xbb\xbf{"run_id": "a"}',
    "list": b"[]",
    "number": b"1",
    "null": b"null",
    "text": b'"abc"',
    "json-in-text": b'"{}"',
    "json-in-text-in-text": b'"\\"{}\\""',
    "unclosed": b'{"run_id": "a"',
    "two-documents": b"{}{}",
    "single-quotes": b"{'run_id': 'a'}",
    "trailing-comma": b'{"run_id": "a",}',
    "deep-list": b"[" * DEEP,
    "deep-object": b'{"a":' * DEEP,
    "form": b"run_id=a&key=b",
    "nul-key": b'{"\\u0000": 1}',
    "many-names": b"{" + b",".join(b'"k%d":1' % number for number in range(70_000)) + b"}",
    "name-of-capitals": b'{"' + b"aA" * 400_000 + b'":1}',
    "xml": b"<a/>",
}

BAD_CONTENT_TYPES: Final = (
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "a/b/c",
    "\xff",
)

PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}

BAD_TEXTS: Final[Sequence[bytes]] = (
    b"",
    b"%00",
    b"a%00b",
    b"%ff",
    b"%ed%a0%80",
    b"%",
    b"%zz",
    b"-1",
    b"0",
    b"1.5",
    b"true",
    b"NaN",
    b"null",
    b"[]",
    b"%7B%7D",
    quote(str(2**31)).encode(),
    quote(str(2**63)).encode(),
    b"9" * 400,
    b"9" * 5000,
    b"x" * 6000,
    quote("' OR 1=1 --").encode(),
    quote("../../etc/passwd").encode(),
    quote("/etc/passwd").encode(),
    quote("..%2f..").encode(),
    quote("\N{GRINNING FACE}").encode(),
)
"""Values of a query parameter, percent-encoded, not all of them rightly."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as bytes; `name` says how it was spoiled."""

    name: str
    method: str
    path: str
    query: bytes = b""
    body: bytes = b""
    content_type: str = "application/json"
    encoding: str = ""


def requests_of(route: FuzzedRoute, subject: Subject) -> Iterator[Request]:
    """The good request, then every spoiled one."""
    path = route.prefix + fill(route.path, subject)
    example = fill(dict(route.example), subject)
    if not route.has_body:
        for name, query in _queries(route.message, example):
            yield Request(name, route.method, path, query=query)
        yield Request("body-instead-of-query", route.method, path, body=json.dumps(example).encode())
        for name, body in BAD_BODIES.items():
            yield Request(f"body-{name}", route.method, path, body=body)
        return
    for name, body in _bodies(route.message, example):
        yield Request(name, route.method, path, body=body)
    for content_type in BAD_CONTENT_TYPES:
        yield Request(
            f"content-type-{content_type!r}", route.method, path, b"", json.dumps(example).encode(), content_type
        )
    for name, body, encoding in _packed(json.dumps(fill(dict(route.example), subject)).encode()):
        yield Request(name, route.method, path, body=body, encoding=encoding)


def _packed(good: bytes) -> Iterator[tuple[str, bytes, str]]:
    """A name, a body and its Content-Encoding."""
    for encoding, pack in PACKERS.items():
        packed = pack(good)
        yield f"{encoding}", packed, encoding
        yield f"{encoding}-cut", packed[:-1], encoding
        yield f"{encoding}-followed", packed + b"x", encoding
        yield f"{encoding}-twice", packed + packed, encoding
        yield f"{encoding}-not-packed", good, encoding
        yield f"{encoding}-empty", b"", encoding
        yield f"{encoding}-of-nothing", pack(b""), encoding
        yield f"{encoding}-bomb", pack(b" " * 20_000_000), encoding
        yield f"{encoding}-in-itself", pack(packed), f"{encoding}, {encoding}"
    for encoding in ("br", "identity", "gzip;q=1", "\xff", "x" * 5000):
        yield f"encoding-{encoding[:20]!r}", good, encoding


def fill(value: Any, subject: Subject) -> Any:
    """Put the subject's fields where `<name>` stands, and a fresh name for `<new>`, at any depth."""
    if isinstance(value, str):
        for field in Subject.__dataclass_fields__:
            value = value.replace(f"<{field}>", getattr(subject, field))
        return value.replace("<new>", uuid.uuid4().hex)
    if isinstance(value, dict):
        return {key: fill(item, subject) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, subject) for item in value]
    return value


def _bodies(message: type[Message], example: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    yield "good", json.dumps(example).encode()
    yield from BAD_BODIES.items()
    yield "json-in-text", json.dumps(json.dumps(example)).encode()
    for where in _places(message, example):
        label = ".".join(map(str, where))
        for name, text in BAD_JSON.items():
            yield f"{label}-{name}", _replaced(example, where, text)
        yield f"{label}-missing", json.dumps(_without(example, where)).encode()
        if isinstance(where[-1], str) and "_" in where[-1]:
            yield f"{label}-camel-case", json.dumps(_renamed(example, where, keep=False)).encode()
            yield f"{label}-in-both-cases", json.dumps(_renamed(example, where, keep=True)).encode()
    for name, text in BAD_JSON.items():
        yield f"unknown-field-{name}", _replaced({**example, "unknown": 0}, ("unknown",), text)
    yield "field-twice", b"{%s, %s}" % (json.dumps(example)[1:-1].encode(), json.dumps(example)[1:-1].encode())
    yield "unknown-name-of-megabyte", json.dumps({**example, "x" * 1_000_000: 1}).encode()
    yield "larger-than-allowed", json.dumps({**example, "unknown": "x" * 17_000_000}).encode()


def _queries(message: type[Message], example: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    good = {name: _texts(value) for name, value in example.items()}
    yield "good", _query(good)
    yield "none", b""
    yield "only-ampersands", b"&&&"
    yield "no-value", b"&".join(name.encode() for name in message.__struct_fields__)
    for name in message.__struct_fields__:
        for text in BAD_TEXTS:
            yield f"{name}-{text[:20]!r}", _query({**good, name: [text]})
        yield f"{name}-missing", _query({other: texts for other, texts in good.items() if other != name})
        yield f"{name}-repeated", _query({**good, name: [*good.get(name, []), b"1", b"a"]})
        yield f"{name}-1000-times", _query({**good, name: [b"a"] * 1000})


def _texts(value: Any) -> list[bytes]:
    return [quote(str(item)).encode() for item in (value if isinstance(value, list) else [value])]


def _query(fields: Mapping[str, Sequence[bytes]]) -> bytes:
    return b"&".join(name.encode() + b"=" + text for name, texts in fields.items() for text in texts)


def _places(message: type[Message], example: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every field the message describes, in the example or not, and those of the messages inside it."""
    hints = get_type_hints(message)
    for name in message.__struct_fields__:
        yield (*at, name)
        inside = message_in(hints[name])
        value = example.get(name)
        if inside is not None and isinstance(value, list):
            yield (*at, name, 0)
            yield from _places(inside, value[0], (*at, name, 0))
        elif inside is not None and isinstance(value, dict):
            yield from _places(inside, value, (*at, name))


def message_in(annotation: Any) -> type[Message] | None:
    """The message that an annotation holds, alone, in a list or optional."""
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return annotation
    return next(filter(None, map(message_in, get_args(annotation))), None)


def _copy(example: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(example))
    return copy


def _holder(document: Any, where: tuple[str | int, ...]) -> Any:
    for step in where[:-1]:
        document = document[step]
    return document


def _replaced(example: dict[str, Any], where: tuple[str | int, ...], text: str) -> bytes:
    mark = "\N{SNOWMAN}here\N{SNOWMAN}"
    document = _copy(example)
    _holder(document, where)[where[-1]] = mark
    return json.dumps(document).replace(json.dumps(mark), text).encode()


def _without(example: dict[str, Any], where: tuple[str | int, ...]) -> dict[str, Any]:
    document = _copy(example)
    holder = _holder(document, where)
    if isinstance(holder, list):
        del holder[int(where[-1])]
    else:
        holder.pop(where[-1], None)
    return document


def _renamed(example: dict[str, Any], where: tuple[str | int, ...], *, keep: bool) -> dict[str, Any]:
    document = _copy(example)
    holder = _holder(document, where)
    first, *rest = str(where[-1]).split("_")
    value = holder.get(where[-1], "x") if keep else holder.pop(where[-1], "x")
    if keep:
        holder[where[-1]] = value
    holder[first + "".join(word.capitalize() for word in rest)] = value
    return document
