"""The shape of a JSON document as data: the members of its objects in their order, and where their values come from.

A member's column is of the first table of its source that has it. Values that are not rows bring an attribute of that
name, and of a list's own name for its items: see `schemas.documents.rendering`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class _OfColumn:
    name: str
    column: str = ""
    """Where it is not called as the member is."""

    def __post_init__(self) -> None:
        if not self.column:
            object.__setattr__(self, "column", self.name)


class Text(_OfColumn):
    """Any text."""

    __slots__ = ()


class Word(_OfColumn):
    """Text of which every character stands for itself in JSON, such as the name of a status."""

    __slots__ = ()


class Integer(_OfColumn):
    """A whole number."""

    __slots__ = ()


class Digits(_OfColumn):
    """A whole number as text."""

    __slots__ = ()


class Json(_OfColumn):
    """JSON, kept as text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A word that is kept as its number."""

    name: str
    column: str
    words: Mapping[int, str]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A word that SQL of every database computes from a row; values that are not rows have an attribute `name`."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Constant:
    """The same word in every document."""

    name: str
    word: str


@dataclass(frozen=True, slots=True)
class Optional:
    """A member that is left out when its column is NULL or has the text `empty`."""

    member: Text | Integer | Json
    empty: str | None = None

    @property
    def name(self) -> str:
        return self.member.name


@dataclass(frozen=True, slots=True)
class Object:
    """Members in order."""

    members: "tuple[Member, ...]"

    def __init__(self, *members: "Member") -> None:
        object.__setattr__(self, "members", members)


@dataclass(frozen=True, slots=True)
class Nested:
    """An object of the same row. Values that are not rows may have its own values in an attribute `values`."""

    name: str
    object: Object
    values: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of `table` that have the same `owner` as the row around them, in the order of the primary key.

    `joined` is a table with one row for each of them, found by its primary key, whose columns they have too.
    `where` is a further condition, in the SQL of every database, which may name the row around them too.
    `order` is what they are in the order of instead, in the SQL of every database: a value that no two of them share.
    """

    table: str
    owner: str
    joined: str | None = None
    where: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """An object, or a text, for each of some rows; left out when there are none.

    Values that are not rows bring a list in an attribute `name`: of values that have attributes, or of the texts.
    """

    name: str
    rows: Rows
    item: Object | Text


Present: TypeAlias = Text | Word | Integer | Digits | Json | Numbered | Computed | Constant | Nested
Member: TypeAlias = Present | Optional | List


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that documents are made of, a document for each.

    `joined` is another source with at most one row for each of them, found by its primary key.
    """

    table: str
    alias: str
    joined: "Source | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """What is answered for each row of a source."""

    source: Source
    shape: Object
