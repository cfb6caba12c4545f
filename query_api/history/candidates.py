"""Where events may be that are wanted: the posting lists of an index, put together block by block."""

from array import array
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from query_api.history.wanted import AnyOf, Wanted
from read_model.history.port import HistoryIndex
from read_model.history.segment import (
    BLOCK_EVENTS,
    REQUEST_BUCKETS,
    OpenBlock,
    PostingList,
    block_of,
    mark_of_request,
    positions_between,
    positions_of,
    positions_of_request,
    request_hash,
)

BLOCKS_AT_ONCE: Final = 32
"""Posting lists of a term that are read together, at first."""

MOST_BLOCKS_AT_ONCE: Final = 256
"""And later, where it needs so many: two rare terms are seldom in one block."""

TAKEN_AT_ONCE: Final = 256
"""Of what a block has of a term that all its events may be of. Each of several partitions gives so many to a page."""

_BUCKETS_AT_ONCE: Final = 2048
"""Of a bucket, which is some 250 bytes a block: half a megabyte."""

_NOT_KNOWN: Final = -1


@dataclass(slots=True)
class Budget:
    """How many blocks one page may still look at. What is left is for the next page, which goes on at its cursor."""

    blocks: int

    @property
    def is_spent(self) -> bool:
        return self.blocks <= 0


class _Narrowing(Protocol):
    """One condition: in which blocks there is anything of it, and where in them."""

    async def nearest(self, block: int) -> int | None:
        """The block of it that is nearest to `block`, that itself perhaps, in the direction of the search."""

    def positions(self, block: int) -> Sequence[int]:
        """Ascending; of a block that `nearest` named."""

    def open_positions(self, block: OpenBlock) -> Sequence[int]:
        """The same of the open block."""


class _Ahead:
    """Blocks that were found, of which those that a search has passed are let go."""

    def __init__(self, blocks: Iterable[int], *, newest_first: bool) -> None:
        self._blocks = sorted(blocks, reverse=not newest_first)
        self._newest_first = newest_first

    def nearest(self, block: int) -> int | None:
        """The nearest to `block`, that itself perhaps; None where there is none. Never asked again for one before."""
        blocks = self._blocks
        while blocks and (blocks[-1] > block if self._newest_first else blocks[-1] < block):
            blocks.pop()
        return blocks[-1] if blocks else None


class _TermPostings:
    """The events of any of some terms."""

    def __init__(self, index: HistoryIndex, partition: int, sources: AnyOf, *, newest_first: bool) -> None:
        self._index = index
        self._partition = partition
        self._sources = sources
        self._terms = sorted({source.term for source in sources})
        self._newest_first = newest_first
        self._limit = BLOCKS_AT_ONCE
        self._found: dict[int, list[PostingList]] = {}
        self._ahead = _Ahead((), newest_first=newest_first)
        self._known_to: int | None = None  # the block up to which `_found` has everything
        self._is_complete = False

    async def nearest(self, block: int) -> int | None:
        while (nearest := self._ahead.nearest(block)) is None:
            if self._is_complete:
                return None
            await self._fetch(block)
        return nearest

    async def _fetch(self, block: int) -> None:
        if self._known_to is not None:
            block = min(block, self._known_to - 1) if self._newest_first else max(block, self._known_to + 1)
        rows = await self._index.postings(
            self._partition, self._terms, block, newest_first=self._newest_first, limit=self._limit
        )
        number: dict[int, int] = {}
        farthest: dict[int, int] = {}
        for one in rows:
            number[one.postings.term] = number.get(one.postings.term, 0) + 1
            farthest[one.postings.term] = one.block
        cut = [farthest[term] for term, count in number.items() if count >= self._limit]
        self._limit = min(self._limit * 2, MOST_BLOCKS_AT_ONCE)
        self._is_complete = not cut
        self._known_to = (max(cut) if self._newest_first else min(cut)) if cut else None
        self._found = {}
        for one in rows:
            is_known = self._known_to is None or (
                one.block >= self._known_to if self._newest_first else one.block <= self._known_to
            )
            if is_known:
                self._found.setdefault(one.block, []).append(one.postings)
        self._ahead = _Ahead(self._found, newest_first=self._newest_first)

    def positions(self, block: int) -> Sequence[int]:
        by_term = {one.term: positions_of(one) for one in self._found[block]}
        return self._put_together(block, by_term)

    def open_positions(self, block: OpenBlock) -> Sequence[int]:
        return self._put_together(block.number, {term: block.positions(term) for term in self._terms})

    def _put_together(self, block: int, by_term: "dict[int, array[int]]") -> Sequence[int]:
        begin = block * BLOCK_EVENTS
        parts: list[Sequence[int]] = []
        for source in self._sources:
            found = by_term.get(source.term)
            if found:
                end = BLOCK_EVENTS if source.end is None else source.end - begin
                parts.append(positions_between(found, source.first - begin, end))
        if len(parts) == 1:
            return parts[0]
        return sorted({one for part in parts for one in part})


class _FoundByRequest:
    """The events that may be of one request."""

    def __init__(self, index: HistoryIndex, partition: int, request_id: str, *, newest_first: bool) -> None:
        self._index = index
        self._partition = partition
        self._hash = request_hash(request_id)
        self._mark = mark_of_request(self._hash)
        self._newest_first = newest_first
        self._found: dict[int, list[int]] = {}
        self._ahead = _Ahead((), newest_first=newest_first)

    async def nearest(self, block: int) -> int | None:
        while (nearest := self._ahead.nearest(block)) is None:
            rows = await self._index.requests(
                self._partition,
                self._hash % REQUEST_BUCKETS,
                block,
                newest_first=self._newest_first,
                limit=_BUCKETS_AT_ONCE,
            )
            # A lookup goes through every block there is, and in most there is nothing.
            some = [(one, pairs) for one, pairs in rows if self._mark in pairs]
            self._found = {one: found for one, pairs in some if (found := positions_of_request(pairs, self._hash))}
            self._ahead = _Ahead(self._found, newest_first=self._newest_first)
            if not self._found:
                if len(rows) < _BUCKETS_AT_ONCE:
                    return None
                block = rows[-1][0] + (-1 if self._newest_first else 1)
        return nearest

    def positions(self, block: int) -> Sequence[int]:
        return self._found[block]

    def open_positions(self, block: OpenBlock) -> Sequence[int]:
        return block.positions_of_request(self._hash)


Times = Callable[[int, int], Awaitable["array[int]"]]
"""Those of a closed block, by partition and block: as the index has them, or remembered."""


@dataclass(slots=True)
class Candidates:
    """The offsets in one partition of events that may be wanted, in one direction, from `at` on.

    `at` is the offset of the next event to look at, or, with `newest_first`, the one after it. `with_times`: the times
    of the events are asked for too.
    """

    index: HistoryIndex
    partition: int
    wanted: Wanted
    newest_first: bool
    open_block: OpenBlock
    at: int
    budget: Budget
    times: Times
    with_times: bool
    found: list[tuple[int, int]] = field(default_factory=list)
    """Times and offsets, the next one last. Times are 0 where they were not asked for."""
    is_at_end: bool = False
    _narrowings: list[_Narrowing] | None = None
    _range: tuple[int, int] | None = None
    _times: "tuple[int, array[int]] | None" = None

    async def look(self) -> None:
        """Go on until something is found, the end is reached, or the budget is spent."""
        if self._narrowings is None:
            await self._begin()
        while not self.found and not self.is_at_end and not self.budget.is_spent:
            self.budget.blocks -= 1
            await self._look_at_next_block()

    @property
    def resume_at(self) -> int:
        """Where to go on for what was not taken of what was found, and after it."""
        if not self.found:
            return self.at
        return self.found[-1][1] + (1 if self.newest_first else 0)

    async def _begin(self) -> None:
        index, newest_first = self.index, self.newest_first
        self._narrowings = [
            _TermPostings(index, self.partition, sources, newest_first=newest_first)
            for sources in self.wanted.conditions
        ]
        if self.wanted.request_id is not None:
            request_id = self.wanted.request_id
            self._narrowings.append(_FoundByRequest(index, self.partition, request_id, newest_first=newest_first))
        if self.wanted.since_us is not None or self.wanted.until_us is not None:
            between = await index.blocks_between(self.partition, self.wanted.since_us, self.wanted.until_us)
            self._range = between if between is not None else (0, -1)

    async def _look_at_next_block(self) -> None:
        open_number = self.open_block.number
        newest_first = self.newest_first
        if (self.at <= 0) if newest_first else (self.at >= self.open_block.end):
            self.is_at_end = True
            return
        block = block_of(self.at - 1 if newest_first else self.at)
        if block < open_number:
            nearest = await self._nearest(block)
            if nearest == _NOT_KNOWN:
                return
            if nearest is None:
                # Going forward there is the open block still.
                self.at = 0 if newest_first else max(self.at, open_number * BLOCK_EVENTS)
                return
            if nearest != block:
                self.at = (nearest + 1) * BLOCK_EVENTS if newest_first else nearest * BLOCK_EVENTS
                block = nearest
        rest = await self._take(block)
        if rest is not None:
            self.at = rest
        else:
            self.at = block * BLOCK_EVENTS if newest_first else min((block + 1) * BLOCK_EVENTS, self.open_block.end)

    async def _nearest(self, block: int) -> int | None:
        """The nearest closed block in which every condition has something; _NOT_KNOWN once the budget is spent."""
        assert self._narrowings is not None
        first, last = self._range or (0, self.open_block.number - 1)
        last = min(last, self.open_block.number - 1)
        block = min(block, last) if self.newest_first else max(block, first)
        while first <= block <= last:
            start = block
            for narrowing in self._narrowings:
                nearest = await narrowing.nearest(block)
                if nearest is None:
                    return None
                block = nearest
            if block == start:
                return block
            self.budget.blocks -= 1
            if self.budget.is_spent:
                # Nothing is on this side of the block, which the next page need not find out again.
                self.at = (block + 1) * BLOCK_EVENTS if self.newest_first else block * BLOCK_EVENTS
                return _NOT_KNOWN
        return None

    async def _times_of(self, block: int) -> "array[int]":
        """Those of a block, remembered: a page often goes on in it."""
        if self._times is None or self._times[0] != block:
            is_open = block == self.open_block.number
            found = self.open_block.times() if is_open else await self.times(self.partition, block)
            self._times = block, found
        return self._times[1]

    async def _take(self, block: int) -> int | None:
        """Find what is in a block, the nearest TAKEN_AT_ONCE; returns where to go on where there is more."""
        assert self._narrowings is not None
        begin = block * BLOCK_EVENTS
        is_open = block == self.open_block.number
        first, end = (
            (0, min(self.at, self.open_block.end) - begin)
            if self.newest_first
            else (
                self.at - begin,
                min(self.open_block.end - begin, BLOCK_EVENTS),
            )
        )
        positions: Sequence[int] = range(first, end)
        if self._narrowings:
            lists = [
                one.open_positions(self.open_block) if is_open else one.positions(block) for one in self._narrowings
            ]
            positions = positions_between(_in_all(lists), first, end)
        wanted = self.wanted
        if not positions:
            return None
        rest = None
        if self._range is None and len(positions) > TAKEN_AT_ONCE:  # of a time there may be few in a block, anywhere
            positions = positions[-TAKEN_AT_ONCE:] if self.newest_first else positions[:TAKEN_AT_ONCE]
            rest = begin + (positions[0] if self.newest_first else positions[-1] + 1)
        if self.with_times or self._range is not None:
            times = await self._times_of(block)
            found = [
                (times[one], begin + one)
                for one in positions
                if (wanted.since_us is None or times[one] >= wanted.since_us)
                and (wanted.until_us is None or times[one] < wanted.until_us)
            ]
        else:
            found = [(0, begin + one) for one in positions]
        if not self.newest_first:
            found.reverse()
        self.found = found
        return rest


def _in_all(lists: Sequence[Sequence[int]]) -> Sequence[int]:
    if len(lists) == 1:
        return lists[0]
    fewest, *others = sorted(lists, key=len)
    has = set(fewest)
    for other in others:
        has.intersection_update(other)
    return sorted(has)
