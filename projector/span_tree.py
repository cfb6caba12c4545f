"""What the spans of a trace come to together, kept up as they come.

A span that tells its usage hides what the spans below it tell: `read_model.spans.usage`. Which are hidden is kept with
each span, so one that comes is compared with its parent alone, and with what lies below it only as far as that becomes
hidden: each span becomes so once. A trace of n spans takes n steps, in whatever order and in however many batches they
come. Sums are exact, so that the order makes no difference to them either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from read_model.spans.usage import COSTS, TOKENS, Usage

KINDS: Final[Sequence[Sequence[str]]] = (TOKENS, COSTS)
"""What is summed, each by itself: the number of a kind is its bit in what is hidden."""

EVERY: Final = (1 << len(KINDS)) - 1


class Telling(NamedTuple):
    """What of a span the sums need: a usage or None for each of KINDS."""

    parent_id: str | None
    usages: tuple[Usage | None, ...]

    @property
    def bits(self) -> int:
        """The kinds of which the span tells something."""
        found, bit = 0, 1
        for usage in self.usages:  # for each span several times: a generator takes three times as long
            if usage is not None:
                found |= bit
            bit <<= 1
        return found


class ItemSum(msgspec.Struct, array_like=True, gc=False):
    """The sum of one item over `spans` spans, a fraction as text."""

    spans: int = 0
    value: str = "0"


Sums = dict[str, ItemSum]


def read_sums(sums: Sums, items: Iterable[str]) -> dict[str, int | float] | None:
    """The items that some span tells, in their order; None where none tells anything."""
    found: dict[str, int | float] = {}
    for item in items:
        if (one := sums.get(item)) is not None and one.spans:
            value = Fraction(one.value)
            found[item] = int(value) if items is TOKENS else float(value)
    return found or None


def _plus(total: str, value: int | float) -> str:
    """A sum, exactly. Whole numbers are added as such, which takes a tenth of what fractions take."""
    if value.__class__ is int and "/" not in total:
        return str(int(total) + value)
    return str(Fraction(total) + Fraction(value))


@dataclass(slots=True)
class SpanTree:
    """The spans of a trace as far as a batch needs them. `is_whole`: all that there are.

    `hidden` holds a bit for each kind that a span above hides; those in `changed` are hidden otherwise than before.
    """

    sums: Sums = field(default_factory=dict)
    is_whole: bool = True
    spans: dict[str, Telling] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    _below: dict[str, list[str]] = field(default_factory=dict)
    _is_stale: bool = False

    def know(self, span_id: str, telling: Telling, hidden: int) -> None:
        """A span that is stored, and counted."""
        if span_id not in self.spans:
            self._place(span_id, telling)
            self.hidden[span_id] = hidden

    def tells_otherwise(self, span_id: str, telling: Telling) -> bool:
        """Whether a span is known that told something else before."""
        return self.spans.get(span_id, telling) != telling

    def put(self, span_id: str, telling: Telling) -> None:
        """A span that came. One that tells something else than before is put into a whole tree alone."""
        if span_id not in self.spans:
            self._place(span_id, telling)
            self._count(span_id)
        elif self.spans[span_id] != telling:
            self.spans[span_id] = telling
            self._is_stale = True

    def hides(self, span_id: str | None) -> int:
        """The kinds that are hidden below a span; none below one that is not there."""
        if span_id is None or (telling := self.spans.get(span_id)) is None:
            return 0
        return telling.bits | self.hidden[span_id]

    def count_anew(self) -> None:
        """Where a span came again and told something else, everything is counted again, once for a batch."""
        if not self._is_stale:
            return
        before, spans = self.hidden, self.spans
        self.sums.clear()
        self.spans, self.hidden, self._below, self._is_stale = {}, {}, {}, False
        for span_id, telling in spans.items():
            self._place(span_id, telling)
            self._count(span_id)
        self.changed |= {span_id for span_id in spans if before.get(span_id, 0) != self.hidden[span_id]}

    def _place(self, span_id: str, telling: Telling) -> None:
        self.spans[span_id] = telling
        if telling.parent_id is not None:
            self._below.setdefault(telling.parent_id, []).append(span_id)

    def _count(self, span_id: str) -> None:
        telling = self.spans[span_id]
        self.hidden[span_id] = 0
        self.hidden[span_id] = self.hides(telling.parent_id)
        self._add(telling, telling.bits & ~self.hidden[span_id], 1)
        waiting = [(span_id, self.hides(span_id))] if span_id in self._below else []
        while waiting:
            above, bits = waiting.pop()
            for below in self._below.get(above, ()):
                new = bits & ~self.hidden[below]
                if new:
                    self.hidden[below] |= new
                    self.changed.add(below)
                    told = self.spans[below]
                    self._add(told, told.bits & new, -1)
                    if new & ~told.bits:  # below one that tells something it is hidden already
                        waiting.append((below, new & ~told.bits))

    def _add(self, telling: Telling, bits: int, sign: int) -> None:
        for kind, usage in enumerate(telling.usages):
            if usage is not None and bits >> kind & 1:
                for item, value in usage.items():
                    one = self.sums.setdefault(item, ItemSum())
                    one.spans += sign
                    one.value = _plus(one.value, sign * value)
                    if not one.spans:  # as if none had ever told it
                        del self.sums[item]


class Reach:
    """Below which spans a batch hides something, found out before it is folded, level by level.

    `spans` are the new ones of the batch, `tree` what is known beside them. Below those of `todo` the stored spans have
    to be known too.
    """

    def __init__(self, spans: Mapping[str, Telling], tree: SpanTree) -> None:
        self.todo: set[str] = set()
        self._bits: dict[str, int] = {}
        self._spans = spans
        self._below: dict[str, list[str]] = {}
        for span_id, telling in spans.items():
            if telling.parent_id is not None:
                self._below.setdefault(telling.parent_id, []).append(span_id)
        for span_id, telling in spans.items():
            self._spread(span_id, telling.bits | tree.hides(telling.parent_id))

    def found(self, span_id: str, telling: Telling, hidden: int) -> None:
        """A stored span that lies below one of `todo`."""
        if telling.parent_id is not None:
            self._spread(span_id, self._bits.get(telling.parent_id, 0) & ~hidden & ~telling.bits)

    def _spread(self, span_id: str, bits: int) -> None:
        waiting = [(span_id, bits)]
        while waiting:
            above, bits = waiting.pop()
            new = bits & ~self._bits.get(above, 0)
            if new:
                self._bits[above] = self._bits.get(above, 0) | new
                self.todo.add(above)
                waiting += [(below, new) for below in self._below.get(above, ())]
