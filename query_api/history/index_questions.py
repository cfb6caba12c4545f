"""What a page asks of the history index: of all partitions together, since each question is a round trip."""

from collections.abc import Awaitable, Callable, Sequence

from query_api.history.wanted import Wanted
from read_model.history.port import Blocks, HistoryIndex, PostingsAsked, TermPosting
from read_model.history.segment import REQUEST_BUCKETS, EventTimes, mark_of_request
from schemas.asked_together import AskedTogether

Times = Callable[[int, int], Awaitable[EventTimes]]
"""Those of a closed block, by partition and block: as the index has them, or remembered."""

_BlockRange = tuple[int, int]


class IndexQuestions:
    """Those about what is wanted, in one direction. `times` are those of blocks."""

    def __init__(self, index: HistoryIndex, wanted: Wanted, times: Times, *, newest_first: bool) -> None:
        self._index = index
        self._wanted = wanted
        self.newest_first = newest_first
        self.times = times
        self._postings: AskedTogether[tuple[PostingsAsked, int], Sequence[TermPosting]] = AskedTogether(
            self._put_postings
        )
        self._requests: AskedTogether[tuple[Blocks, int], Sequence[tuple[int, bytes]]] = AskedTogether(
            self._put_requests
        )
        self._between: AskedTogether[int, _BlockRange | None] = AskedTogether(self._put_between)

    async def postings(self, asked: PostingsAsked, limit: int) -> Sequence[TermPosting]:
        """Of each term those of `limit` blocks, or of more, the nearest first."""
        return await self._postings.ask((asked, limit))

    async def requests(self, asked: Blocks, hashed: int) -> Sequence[tuple[int, bytes]]:
        """What blocks have in the bucket of a request, where it may be there."""
        return await self._requests.ask((asked, hashed))

    async def between(self, partition: int) -> _BlockRange | None:
        """The first and the last closed block with an event of the time that is wanted."""
        return await self._between.ask(partition)

    async def _put_postings(self, asked: Sequence[tuple[PostingsAsked, int]]) -> Sequence[Sequence[TermPosting]]:
        return await self._index.postings(
            [one for one, _ in asked], newest_first=self.newest_first, limit=max(limit for _, limit in asked)
        )

    async def _put_requests(self, asked: Sequence[tuple[Blocks, int]]) -> Sequence[Sequence[tuple[int, bytes]]]:
        hashed = asked[0][1]  # a page looks for one request
        return await self._index.requests(
            [blocks for blocks, _ in asked], hashed % REQUEST_BUCKETS, mark_of_request(hashed)
        )

    async def _put_between(self, asked: Sequence[int]) -> Sequence[_BlockRange | None]:
        found = await self._index.blocks_between(self._wanted.since_us, self._wanted.until_us)
        return [found.get(partition) for partition in asked]
