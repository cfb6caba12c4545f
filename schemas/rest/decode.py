"""A request's bytes or query string to its message, with every leniency MLflow clients of all ages rely on.

The common request is decoded straight into its message. What this refuses is read again slowly, field by field, to
accept what MLflow accepts (camelCase names, numeric strings, JSON inside a JSON string, nulls, unknown fields) and to
name the field that is wrong.
Source: the JSON form of protocol buffers, and the request checks of MLflow's server as observed.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from aiohttp import web
from multidict import MultiMapping

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import bounds_of, shown
from schemas.messages.message import Message
from schemas.rest.access import ASKING
from schemas.rest.body import check_values, read_body

M = TypeVar("M", bound=Message)

_LISTS = (list, Sequence)
_NUL_ESCAPE = b"\\u0000"
"""The only way in which text in JSON can hold the character."""

MAX_QUERY_FIELDS: Final = 2_000
"""Of a query string. A hundred runs are the most that any route asks for."""

MAX_JSON_IN_TEXT_CHARACTERS: Final = 1_000_000
"""Of a body that is one string with JSON in it: an old client's mistake, and none of a large body."""


async def read_message(request: web.Request, message_type: type[M]) -> M:
    """The message of a request, from the place that its method implies.

    POST and PUT: a JSON body with a JSON content type. GET and HEAD: the query string, or, when that is empty, a JSON
    body. PATCH and DELETE: a JSON body. The variables of the path fill the fields of their names, whatever the query
    string or the body has for these. Where not everybody may do what it asks for, it is judged here, as the handler
    gets it.
    Raises InvalidParameterValue, PermissionDenied, and what `schemas.rest.access.Asking` does.
    """
    if request.method in ("GET", "HEAD") and request.query_string:
        check_query(request.query_string)
        message = decode_query(request.query, message_type)
    elif request.method in ("POST", "PUT") and request.content_type != "application/json":
        raise wrong_content_type(request)
    else:
        message = decode_body(await read_body(request), message_type)
    if variables := request.match_info:
        bounds = bounds_of(message_type)
        for name in message.__struct_fields__:
            if name in variables:
                _refuse_nul(variables[name], f"$.{name}")
                if name in bounds:
                    bounds[name].check(variables[name], name)
                setattr(message, name, variables[name])
    asking = request.get(ASKING)
    if asking is not None:
        await asking.allow(message)
    return message


def check_query(query_string: str) -> None:
    """Refuse a query string of more fields than any request needs, before it is taken apart.

    Raises InvalidParameterValue.
    """
    if query_string.count("&") >= MAX_QUERY_FIELDS:
        raise InvalidParameterValue(f"The query string has more than {MAX_QUERY_FIELDS} fields.")


def wrong_content_type(request: web.Request) -> InvalidParameterValue:
    """The refusal of a body whose content type is not JSON."""
    return InvalidParameterValue(
        f"Content-Type must be application/json, got {shown(request.headers.get('Content-Type', 'none'))}"
    )


def decode_body(body: bytes, message_type: type[M]) -> M:
    """The message a JSON body holds, perhaps as its type's plain base.

    The body's values must have been counted: see `schemas.rest.body`.
    Raises InvalidParameterValue naming the field that is missing or wrong.
    """
    message = _decoded(body, message_type)
    if message is None:
        return _decode_slowly(body, message_type)
    if _NUL_ESCAPE in body:
        _refuse_nul(msgspec.json.decode(body), "$")
    check_required(message)
    return message


def decode_query(query: MultiMapping[str], message_type: type[M]) -> M:
    """The message a query string holds: snake_case names only, lists by repeating the name, scalars the first time.

    Raises InvalidParameterValue.
    """
    fields: dict[str, Any] = {}
    bounds = bounds_of(message_type)
    for name, annotation in _annotations(message_type).items():
        if name in query:
            value = query.getall(name) if _is_list(annotation) else query[name]
            if name in bounds:
                bounds[name].check(value, name)
            fields[name] = value
    _refuse_nul(fields, "$")
    return _convert(fields, message_type)


def check_required(message: Message) -> None:
    """Refuse a message that lacks a required field; a field that is empty text counts as missing.

    Raises InvalidParameterValue.
    """
    for name in message.required:
        if name.__class__ is str:
            if getattr(message, name) in (None, ""):
                raise InvalidParameterValue(f"Missing value for required parameter '{name}'.")
        elif all(getattr(message, either) in (None, "") for either in name):
            raise InvalidParameterValue(f"Missing value for required parameter '{name[0]}'.")


def _decoded(body: bytes, message_type: type[M]) -> M | None:
    """The message, if the body is just what its type describes."""
    for decoder in _decoders(message_type):
        try:
            message: M = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        return message
    return None


@cache
def _decoders(message_type: type[Message]) -> tuple[msgspec.json.Decoder[Any], ...]:
    tried = (message_type.plain, message_type)
    return tuple(msgspec.json.Decoder(one) for one in tried if one is not None)


def _decode_slowly(body: bytes, message_type: type[M]) -> M:
    document: Any = {}
    try:
        if body.strip():
            document = msgspec.json.decode(body)
        if isinstance(document, str):
            document = msgspec.json.decode(_inner(document))
        if _NUL_ESCAPE in body:
            _refuse_nul(document, "$")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidParameterValue(f"The request body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidParameterValue(f"The request body must be a JSON object, got {type(document).__name__}.")
    return _convert(_snake_case(document, message_type, ""), message_type)


def _inner(document: str) -> bytes:
    """JSON that came inside a JSON string, where its values were not counted yet.

    Raises InvalidParameterValue.
    """
    if len(document) > MAX_JSON_IN_TEXT_CHARACTERS:
        raise InvalidParameterValue(
            f"The request body is JSON inside a string of {len(document)} characters, which exceeds the maximum length"
            f" of {MAX_JSON_IN_TEXT_CHARACTERS}."
        )
    inner = document.encode()
    check_values(inner)
    return inner


def _convert(fields: Mapping[str, Any], message_type: type[M]) -> M:
    try:
        message = msgspec.convert(fields, message_type, strict=False)
    except msgspec.ValidationError as error:
        fault, _, path = str(error).partition(" - at `$.")
        raise InvalidParameterValue(
            f"Invalid value for parameter '{path.rstrip('`')}': {fault}." if path else f"Invalid value: {fault}."
        ) from error
    _check_required_everywhere(message)
    return message


def _check_required_everywhere(message: Message) -> None:
    check_required(message)
    for name in message.__struct_fields__:
        value = getattr(message, name)
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, Message):
                _check_required_everywhere(item)


def _snake_case(fields: Mapping[str, Any], message_type: type[Message], path: str) -> dict[str, Any]:
    """The fields `message_type` knows, under their snake_case names, without nulls, lists and messages likewise.

    `path` leads to the fields, empty or with a dot at its end.
    """
    known, annotations, bounds = _names(message_type), _annotations(message_type), bounds_of(message_type)
    plain: dict[str, Any] = {}
    for given, value in fields.items():
        name = known.get(given)
        if name is None or value is None:
            continue
        if name in plain:
            raise InvalidParameterValue(f"Field {path}{name} is given twice, in snake_case and in camelCase.")
        if name in bounds:
            bounds[name].check(value, path + name)
        plain[name] = _plain_value(value, annotations[name], path + name)
    return plain


def _plain_value(value: Any, annotation: Any, at: str) -> Any:
    nested = _message_in(annotation)
    if nested is None:
        return value
    if _is_list(annotation):
        if not isinstance(value, list):
            raise InvalidParameterValue(
                f"Invalid value for parameter '{at}': it must be a list, got {type(value).__name__}."
            )
        return [_nested(item, nested, f"{at}[{index}]") for index, item in enumerate(value)]
    return _nested(value, nested, at)


def _nested(value: Any, message_type: type[Message], at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParameterValue(
            f"Invalid value for parameter '{at}': it must be an object, got {type(value).__name__}."
        )
    return _snake_case(value, message_type, at + ".")


@cache
def _annotations(message_type: type[Message]) -> dict[str, Any]:
    hints = get_type_hints(message_type, include_extras=False)
    return {name: hints[name] for name in message_type.__struct_fields__}


@cache
def _names(message_type: type[Message]) -> dict[str, str]:
    """The fields' names by each way to write them: snake_case, and camelCase for those that are not required."""
    names = message_type.__struct_fields__
    required = {one for name in message_type.required for one in ((name,) if isinstance(name, str) else name)}
    camel_case = {re.sub("_([a-z])", lambda letter: letter[1].upper(), name): name for name in names}
    return {spelling: name for spelling, name in camel_case.items() if name not in required} | {
        name: name for name in names
    }


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) not in _LISTS else ()


def _is_list(annotation: Any) -> bool:
    return any(get_origin(one) in _LISTS for one in (annotation, *_alternatives(annotation)))


def _message_in(annotation: Any) -> type[Message] | None:
    """The message type an annotation holds, alone, optional or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return annotation
    for one in get_args(annotation):
        found = _message_in(one)
        if found is not None:
            return found
    return None


def _refuse_nul(value: Any, at: str) -> None:
    """PostgreSQL text cannot hold NUL, so requests may not, whatever the read model is. `at` says where the value is.

    Raises InvalidParameterValue naming the field.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidParameterValue(f"Invalid value in the request: text with the NUL character - at `{at}`")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(key, f"key of {at}")
            _refuse_nul(item, f"{at}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_nul(item, f"{at}[{index}]")
