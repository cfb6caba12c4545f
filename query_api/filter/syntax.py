"""The syntax tree of a filter or an order, and the step from text to it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal

from schemas.errors import InvalidParameterValue

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.exceptions import UnexpectedInput

MAX_CHARACTERS: Final = 100_000
"""Of a filter: a list of some 2,500 run ids. Parsing takes about a millisecond per thousand."""

MAX_CLAUSES: Final = 60
"""Of a filter. More than any client asks for, and few enough for every database's limit on the size of a statement."""

SHORT_CHARACTERS: Final = 500
"""Of a filter that is parsed where it is asked for. Up to five milliseconds, when it is all commas and quotes."""

_parsers: Final = ThreadPoolExecutor(1, "filter")

_SHOWN_CHARACTERS: Final = 200
_REST_CHARACTERS: Final = 20

Quote = Literal["", "'", '"', "`"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """`entity.key`, or a key alone; `entity` and `key` without quotes, `key_quote` the quotes the key had."""

    entity: str | None
    key: str
    key_quote: Quote

    def __str__(self) -> str:
        return self.key if self.entity is None else f"{self.entity}.{self.key}"


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted value, without its quotes."""

    value: str
    quote: Quote


@dataclass(frozen=True, slots=True)
class Number:
    """An unquoted number, as written."""

    written: str


@dataclass(frozen=True, slots=True)
class Word:
    """Anything else unquoted, as written."""

    written: str


Value = Text | Number | Word


@dataclass(frozen=True, slots=True)
class Comparison:
    """`identifier comparator value`."""

    identifier: Identifier
    comparator: str  # as written
    value: Value


@dataclass(frozen=True, slots=True)
class Membership:
    """`identifier IN (value, …)` or NOT IN; the list may be empty."""

    identifier: Identifier
    comparator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Nullness:
    """`identifier IS NULL` or IS NOT NULL."""

    identifier: Identifier
    comparator: str


Clause = Comparison | Membership | Nullness


@dataclass(frozen=True, slots=True)
class Ordering:
    """One element of an order."""

    identifier: Identifier
    descending: bool


def parse_filter(text: str) -> tuple[Clause, ...]:
    """The clauses of a filter, all of which must hold; none for an empty text.

    Raises InvalidParameterValue.
    Source: MLflow's search syntax as its server accepts it.
    """
    if not text:
        return ()
    if len(text) > MAX_CHARACTERS:
        raise InvalidParameterValue(f"The filter has {len(text)} characters and may have at most {MAX_CHARACTERS}.")
    if text.isspace():
        raise InvalidParameterValue("The filter is blank; leave it out to select everything.")
    tree = _parse(text, "filter")
    if len(tree.children) > MAX_CLAUSES:
        raise InvalidParameterValue(
            f"The filter has {len(tree.children)} conditions and may have at most {MAX_CLAUSES}."
        )
    return tuple(_clause(child) for child in _trees(tree.children))


async def parse_long_filter(text: str) -> tuple[Clause, ...]:
    """As parse_filter, in a thread when the text is long: the parser is Python and would hold up other requests.

    Raises InvalidParameterValue.
    """
    if len(text) <= SHORT_CHARACTERS:
        return parse_filter(text)
    return await asyncio.get_running_loop().run_in_executor(_parsers, parse_filter, text)


def parse_order(text: str) -> Ordering:
    """One element of an order: a key, then ASC or DESC in any case, ASC when missing.

    Raises InvalidParameterValue.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidParameterValue(f"order_by has {len(text)} characters and may have at most {MAX_CHARACTERS}.")
    tree = _parse(text, "order")
    (identifier,), directions = _trees(tree.children), _tokens(tree.children)
    return Ordering(_identifier(identifier), descending=any(token.upper() == "DESC" for token in directions))


def _parse(text: str, start: str) -> "Tree[Token]":
    from lark.exceptions import UnexpectedInput

    try:
        return _grammar().parse(text, start=start)
    except UnexpectedInput as error:
        what = "filter" if start == "filter" else "order_by"
        shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
        rest = text[_place(error, text) :][:_REST_CHARACTERS]
        fault = f"it cannot be understood from {rest!r} on" if rest else "it ends too early"
        raise InvalidParameterValue(f"Invalid {what} {shown!r}: {fault}.") from error


def _place(error: "UnexpectedInput", text: str) -> int:
    """Where in the text parsing stopped: its end when more was expected."""
    token = getattr(error, "token", None)
    if error.pos_in_stream is None or (token is not None and token.type == "$END"):
        return len(text)
    return int(error.pos_in_stream)


@cache
def _grammar() -> "Lark":
    """Compiled at the first search: importing the parser and building its tables takes a tenth of a second."""
    from lark import Lark

    return Lark(
        files(__package__).joinpath("filter.lark").read_text(encoding="utf-8"),
        parser="lalr",
        start=["filter", "order"],
        maybe_placeholders=False,
    )


def _clause(tree: "Tree[Token]") -> Clause:
    (identifier,) = _trees(tree.children)
    comparator, *values = _tokens(tree.children)
    match tree.data:
        case "comparison":
            return Comparison(_identifier(identifier), str(comparator), _value(values[0]))
        case "membership":
            return Membership(_identifier(identifier), str(comparator), tuple(_value(value) for value in values))
        case _:
            return Nullness(_identifier(identifier), str(comparator))


def _identifier(tree: "Tree[Token]") -> Identifier:
    *entities, key = _tokens(tree.children)
    quote, name = _unquoted(key)
    return Identifier(entities[0].rstrip()[:-1].strip("`") if entities else None, name, quote)


def _value(token: "Token") -> Value:
    match token.type:
        case "NUMBER":
            return Number(str(token))
        case "WORD":
            return Word(str(token))
        case _:
            quote, text = _unquoted(token)
            return Text(text, quote)


def _unquoted(token: "Token") -> tuple[Quote, str]:
    match token.type:
        case "SINGLE_QUOTED":
            return "'", str(token[1:-1])
        case "DOUBLE_QUOTED":
            return '"', str(token[1:-1])
        case "BACKTICKED":
            return "`", str(token[1:-1])
        case _:
            return "", str(token)


def _trees(children: "list[Tree[Token] | Token]") -> "list[Tree[Token]]":
    return [child for child in children if not isinstance(child, str)]


def _tokens(children: "list[Tree[Token] | Token]") -> "list[Token]":
    return [child for child in children if isinstance(child, str)]
