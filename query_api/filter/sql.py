"""Statements put together from pieces that bring their own parameters."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Sql(NamedTuple):
    """A piece of a statement and the parameters of its question marks."""

    text: str
    parameters: tuple[Any, ...] = ()


def joined(separator: str, parts: Sequence[Sql]) -> Sql:
    """The parts one after the other, with `separator` between them."""
    if len(parts) == 1:
        return parts[0]
    return Sql(separator.join(part.text for part in parts), tuple(p for part in parts for p in part.parameters))
