"""The tokens and the cost of a trace, summed over the tree of its spans.

Source: MLflow 3.17: a span that tells its usage hides what the spans below it tell; one that does not lets it through.
A span whose parent is not known is a root.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from schemas.traces import COST, TOKEN_USAGE

TOKENS: Final = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
"""The items of a usage of tokens, in the order in which they are written."""

COSTS: Final = ("input_cost", "output_cost", "total_cost")

SUMS: Final[Mapping[str, Sequence[str]]] = {TOKEN_USAGE: TOKENS, COST: COSTS}
"""Metadata of a trace that is JSON of numbers, and the numbers that there are."""

MAX_SPANS: Final = 10_000
"""Of a trace whose sums are made anew when a span comes again and tells something else. A larger one has none then."""

Usage = Mapping[str, int | float]


class Node(NamedTuple):
    """A span in the tree, and what it tells, if anything."""

    span_id: str
    parent_id: str | None
    usage: Usage | None


def known_items(value: object, items: Sequence[str]) -> dict[str, int | float] | None:
    """The items of a usage or a cost that are numbers, in their order; None for what has none. Tokens are whole."""
    if not isinstance(value, dict):
        return None
    kinds = (int,) if items is TOKENS else (int, float)
    return {
        item: number
        for item in items
        if isinstance(number := value.get(item), kinds) and not isinstance(number, bool) and abs(number) < 2**53
    } or None


def told_items(text: str, items: Sequence[str]) -> dict[str, int | float] | None:
    """The same of JSON in text, as a client told it; None for what is no JSON."""
    try:
        return known_items(msgspec.json.decode(text), items)
    except (msgspec.DecodeError, RecursionError):
        return None


def usage_text(usage: Mapping[str, int | float]) -> str:
    """A usage or a cost as the metadata of a trace holds it."""
    items: list[str] = []
    for item, value in usage.items():
        if value.__class__ is not int:
            return msgspec.json.format(msgspec.json.encode(usage), indent=0).decode()
        items.append(f'"{item}": {value}')  # most are whole numbers, and this takes a fifth of the time
    return f"{{{', '.join(items)}}}"


def with_known_sums(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a trace as an event holds it: of a usage and a cost the known items, and none without any."""
    found = dict(metadata)
    for key, items in SUMS.items():
        if key in found:
            told = told_items(found.pop(key), items)
            if told is not None:
                found[key] = usage_text(told)
    return found


def summed(nodes: Iterable[Node], items: Iterable[str]) -> dict[str, int | float] | None:
    """The sum over the topmost spans that tell something, None where no span does.

    An item that none of them tells is not in it.
    """
    by_id = {node.span_id: node for node in nodes}
    hidden: dict[str, bool] = {}
    found: dict[str, int | float] = {}
    for node in sorted(by_id.values()):
        if node.usage is not None and not _is_hidden(node, by_id, hidden):
            for item, value in node.usage.items():
                found[item] = found.get(item, 0) + value
    return {item: found[item] for item in items if item in found} or None


def _is_hidden(node: Node, by_id: Mapping[str, Node], hidden: dict[str, bool]) -> bool:
    """Whether a span above tells its usage. `hidden` keeps what is known of spans; a circle of parents has none."""
    way: list[str] = []
    seen: set[str] = set()
    answer = False
    parent_id = node.parent_id
    while parent_id is not None and parent_id not in seen and (parent := by_id.get(parent_id)) is not None:
        if parent.usage is not None:
            answer = True
            break
        if parent_id in hidden:
            answer = hidden[parent_id]
            break
        seen.add(parent_id)
        way.append(parent_id)
        parent_id = parent.parent_id
    hidden.update(dict.fromkeys(way, answer))
    return answer
