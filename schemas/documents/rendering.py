"""Documents rendered from values instead of rows: the same bytes as the databases make."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeAlias

import orjson

from schemas.documents.shape import (
    Computed,
    Constant,
    Digits,
    Integer,
    Json,
    List,
    Member,
    Nested,
    Numbered,
    Object,
    Optional,
    Text,
    Word,
)

_Read: TypeAlias = Callable[[Any], Any]
"""From values to what a member is encoded from, or _ABSENT."""

_ABSENT: Final = object()


class Renderer:
    """Renders one shape. It is compiled when this is made: make one at import.

    The values have an attribute for each column, and for each list one of its name with its items, which have an
    attribute for each of their columns.
    """

    def __init__(self, shape: Object) -> None:
        self._read = _object(shape)

    def render(self, values: object) -> bytes:
        """The JSON. Raises AttributeError for a value that is missing."""
        return orjson.dumps(self._read(values))


def _object(shape: Object) -> _Read:
    reads = tuple((member.name, _member(member)) for member in shape.members)

    def read_object(values: object) -> dict[str, Any]:
        return {name: value for name, read in reads if (value := read(values)) is not _ABSENT}

    return read_object


def _member(member: Member) -> _Read:
    match member:
        case Text() | Word() | Integer():
            return attrgetter(member.column)
        case Computed():
            return attrgetter(member.name)
        case Digits():
            return _then(str, member.column)
        case Json():
            return _then(orjson.Fragment, member.column)
        case Numbered():
            return _then(lambda number: member.words.get(number, member.otherwise), member.column)
        case Constant():
            return lambda _values: member.word
        case Nested():
            return _then(_object(member.object), member.values) if member.values else _object(member.object)
        case Optional():
            return _optional(member)
        case List():
            return _list(member)


def _then(make: Callable[[Any], Any], attribute: str) -> _Read:
    value_of = attrgetter(attribute)
    return lambda values: make(value_of(values))


def _optional(member: Optional) -> _Read:
    value_of, read, empty = attrgetter(member.member.column), _member(member.member), member.empty

    def read_optional(values: object) -> Any:
        value = value_of(values)
        return _ABSENT if value is None or value == empty else read(values)

    return read_optional


def _list(member: List) -> _Read:
    items_of = attrgetter(member.name)
    read = _object(member.item) if isinstance(member.item, Object) else str

    def read_list(values: object) -> Any:
        return list(map(read, items_of(values))) or _ABSENT

    return read_list
