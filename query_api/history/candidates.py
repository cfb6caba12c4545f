"""Where events may be that are wanted: the posting lists of an index, put together block by block."""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from query_api.history.index_questions import IndexQuestions
from query_api.history.wanted import AnyOf, Wanted
from read_model.history.port import Blocks, PostingsAsked
from read_model.history.segment import (
    BLOCK_EVENTS,
    EventTimes,
    OpenBlock,
    PostingList,
    block_of,
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

BUCKETS_AT_ONCE: Final = 16_384
"""Blocks that are looked through for a request in one question: 268 million events, of which it reads 4 megabytes."""

LOOKED_UP_FROM: Final = 32
"""In a list that is so many times as long as another, the other's positions are looked up one by one."""

_ANY_US: Final = (-(2**63), 2**63)

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

    def __init__(self, questions: IndexQuestions, partition: int, sources: AnyOf) -> None:
        self._questions = questions
        self._partition = partition
        self._sources = sources
        self._terms = sorted({source.term for source in sources})
        self._newest_first = newest_first = questions.newest_first
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
        rows = await self._questions.postings(PostingsAsked(self._partition, self._terms, block), self._limit)
        number: dict[int, int] = {}
        farthest: dict[int, int] = {}
        for one in rows:
            number[one.postings.term] = number.get(one.postings.term, 0) + 1
            farthest[one.postings.term] = one.block
        cut = [farthest[term] for term, count in number.items() if count >= self._limit]
        self._limit = min(self._limit * 4, MOST_BLOCKS_AT_ONCE)
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

    def _put_together(self, block: int, by_term: dict[int, Sequence[int]]) -> Sequence[int]:
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

    def __init__(self, questions: IndexQuestions, partition: int, request_id: str, last_block: int) -> None:
        self._questions = questions
        self._partition = partition
        self._hash = request_hash(request_id)
        self._last_block = last_block
        self._found: dict[int, list[int]] = {}
        self._next: int | None = None  # the block from which on nothing was asked
        self._ahead = _Ahead((), newest_first=questions.newest_first)

    async def nearest(self, block: int) -> int | None:
        newest_first = self._questions.newest_first
        while (nearest := self._ahead.nearest(block)) is None:
            begin = block if self._next is None else (min if newest_first else max)(block, self._next)
            if not 0 <= begin <= self._last_block:
                return None
            reach = BUCKETS_AT_ONCE - 1
            first, last = (begin - reach, begin) if newest_first else (begin, begin + reach)
            rows = await self._questions.requests(Blocks(self._partition, first, last), self._hash)
            self._next = first - 1 if newest_first else last + 1
            self._found = {one: found for one, pairs in rows if (found := positions_of_request(pairs, self._hash))}
            self._ahead = _Ahead(self._found, newest_first=newest_first)
        return nearest

    def positions(self, block: int) -> Sequence[int]:
        return self._found[block]

    def open_positions(self, block: OpenBlock) -> Sequence[int]:
        return block.positions_of_request(self._hash)


@dataclass(slots=True)
class Candidates:
    """The offsets in one partition of events that may be wanted, in one direction, from `at` on.

    `at` is the offset of the next event to look at, or, with `newest_first`, the one after it. `with_times`: the times
    of the events are asked for too.
    """

    questions: IndexQuestions
    partition: int
    wanted: Wanted
    open_block: OpenBlock
    at: int
    budget: Budget
    with_times: bool
    found: list[tuple[int, int]] = field(default_factory=list)
    """Times and offsets, the next one last. Times are 0 where they were not asked for."""
    is_at_end: bool = False
    _narrowings: list[_Narrowing] | None = None
    _has_asked: bool = False
    _range: tuple[int, int] | None = None
    _times: tuple[int, EventTimes] | None = None

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
        return self.found[-1][1] + (1 if self.questions.newest_first else 0)

    async def _begin(self) -> None:
        questions, last_block = self.questions, self.open_block.number - 1
        self._narrowings = [_TermPostings(questions, self.partition, sources) for sources in self.wanted.conditions]
        if self.wanted.request_id is not None:
            request_id = self.wanted.request_id
            self._narrowings.append(_FoundByRequest(questions, self.partition, request_id, last_block))
        if self.wanted.since_us is not None or self.wanted.until_us is not None:
            between = await questions.between(self.partition)
            self._range = between if between is not None else (0, -1)

    async def _look_at_next_block(self) -> None:
        open_number = self.open_block.number
        newest_first = self.questions.newest_first
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
        block = min(block, last) if self.questions.newest_first else max(block, first)
        if not self._has_asked and first <= block <= last:
            # Together at first: each will be asked, unless another has nothing.
            self._has_asked = True
            await asyncio.gather(*(narrowing.nearest(block) for narrowing in self._narrowings))
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
                self.at = (block + 1) * BLOCK_EVENTS if self.questions.newest_first else block * BLOCK_EVENTS
                return _NOT_KNOWN
        return None

    @property
    def _time_us(self) -> tuple[int, int]:
        since_us, until_us = self.wanted.since_us, self.wanted.until_us
        return (_ANY_US[0] if since_us is None else since_us), (_ANY_US[1] if until_us is None else until_us)

    async def _times_of(self, block: int) -> EventTimes:
        """Those of a block, remembered: a page often goes on in it."""
        if self._times is None or self._times[0] != block:
            is_open = block == self.open_block.number
            found = self.open_block.times() if is_open else await self.questions.times(self.partition, block)
            self._times = block, found
        return self._times[1]

    async def _take(self, block: int) -> int | None:
        """Find what is in a block, the nearest TAKEN_AT_ONCE; returns where to go on where there is more."""
        assert self._narrowings is not None
        begin = block * BLOCK_EVENTS
        newest_first = self.questions.newest_first
        is_open = block == self.open_block.number
        first, end = (
            (0, min(self.at, self.open_block.end) - begin)
            if newest_first
            else (
                self.at - begin,
                min(self.open_block.end - begin, BLOCK_EVENTS),
            )
        )
        fewest: Sequence[int] = range(first, end)
        others: list[Sequence[int]] = []
        if self._narrowings:
            lists = [
                one.open_positions(self.open_block) if is_open else one.positions(block) for one in self._narrowings
            ]
            fewest, *others = sorted(lists, key=len)
        positions = positions_between(fewest, first, end)
        for other in others:
            positions = _in_both(positions, other)
        if not positions:
            return None
        wanted = reversed(positions) if newest_first else iter(positions)
        if self.with_times or self._range is not None:
            times = await self._times_of(block)
            since_us, until_us = self._time_us
            found = ((us, begin + one) for one in wanted if since_us <= (us := times[one]) < until_us)
        else:
            found = ((0, begin + one) for one in wanted)
        self.found = list(islice(found, TAKEN_AT_ONCE))
        is_all = len(self.found) < TAKEN_AT_ONCE
        rest = None if is_all else self.found[-1][1] + (0 if newest_first else 1)
        self.found.reverse()
        return rest


def _in_both(fewer: Sequence[int], more: Sequence[int]) -> Sequence[int]:
    """The positions that are in two ascending lists, ascending."""
    if not fewer or not more:
        return ()
    fewer = positions_between(fewer, more[0], more[-1] + 1)
    if len(more) < LOOKED_UP_FROM * len(fewer):
        return sorted(set(fewer).intersection(more))
    return [one for one in fewer if more[bisect_left(more, one)] == one]
