"""How the history index is laid out: posting lists over blocks of the log, and segments of the block that is open.

A partition of the log is cut into blocks of BLOCK_EVENTS events. Of each term, each block has a **posting list**: the
positions in the block of the events that have the term, two bytes each. The newest block, which is still open, has
**segments** instead: what some commits brought, each with the posting lists of its own few events. When a block is
full, its segments are put together into posting lists and are gone.
"""

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import msgspec

from schemas.envelope import RecordedEvent

BLOCK_EVENTS: Final = 16_384
"""A position takes two bytes; and a page has to look at no more than so many events to know what of them comes next."""

SEGMENT_EVENTS: Final = 1024
"""A segment is written anew with each commit until it has so many events, so that an open block has few of them."""

REQUEST_BUCKETS: Final = 256
"""The ids of requests are all different: a posting list for each would be the largest part of the index. So a block has
for each bucket of ids the positions of its events with 16 more bits of the id, and what is found is compared."""

TIMES_TOGETHER: Final = 1024
"""Times of events that are compressed together. Of two rare terms there is one event in a block, and many blocks."""

_POSITION: Final = "H"
_TIME: Final = "q"
_REQUEST: Final = "I"


def block_of(offset: int) -> int:
    return offset // BLOCK_EVENTS


def request_hash(request_id: str) -> int:
    """32 bits of the id of a request."""
    return zlib.crc32(request_id.encode("utf-8", "surrogatepass"))


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """Some events side by side, from `first_offset` on, in one block.

    `times` are microseconds since the Unix epoch (int64) and `requests` hashes (uint32), of each event; `postings` are
    the positions (uint16) in the block, by term. All are in the order of the machine's bytes.
    """

    first_offset: int
    times: bytes
    requests: bytes
    postings: dict[int, bytes]

    @property
    def end(self) -> int:
        return self.first_offset + len(self.times) // 8

    @property
    def is_full(self) -> bool:
        """It stays as it is, until its block is full."""
        return _is_full(self.first_offset, len(self.times) // 8)


def _is_full(first_offset: int, count: int) -> bool:
    return count >= SEGMENT_EVENTS or (count > 0 and (first_offset + count) % BLOCK_EVENTS == 0)


class EventTimes(Protocol):
    """When the events of a block were, by their positions in it, in microseconds since the Unix epoch."""

    def __getitem__(self, position: int, /) -> int:
        """That of one event."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Segment)
_pieces_of: Final = msgspec.msgpack.Decoder(list[bytes]).decode


def encode_segment(segment: Segment) -> bytes:
    return _encoder.encode(segment)


def decode_segment(content: bytes) -> Segment:
    """Raises ValueError for bytes that are none."""
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise ValueError(f"a segment of the history index cannot be read: {error}") from error


@dataclass(slots=True)
class OpenSegment:
    """A segment that still takes events."""

    first_offset: int
    times: "array[int]" = field(default_factory=lambda: array(_TIME))
    requests: "array[int]" = field(default_factory=lambda: array(_REQUEST))
    postings: "dict[int, array[int]]" = field(default_factory=dict)

    @classmethod
    def of(cls, segment: Segment) -> "OpenSegment":
        """To go on with a segment that was stored."""
        return cls(
            segment.first_offset,
            array(_TIME, segment.times),
            array(_REQUEST, segment.requests),
            {term: array(_POSITION, positions) for term, positions in segment.postings.items()},
        )

    @property
    def end(self) -> int:
        return self.first_offset + len(self.times)

    @property
    def is_full(self) -> bool:
        return _is_full(self.first_offset, len(self.times))

    def add(self, event: RecordedEvent, terms: Iterable[int]) -> None:
        """Take the event at `end`."""
        position = event.offset % BLOCK_EVENTS
        self.times.append(event.time_us)
        self.requests.append(request_hash(event.request_id))
        postings = self.postings
        for term in terms:
            positions = postings.get(term)
            if positions is None:
                postings[term] = array(_POSITION, (position,))
            else:
                positions.append(position)

    def frozen(self) -> Segment:
        return Segment(
            self.first_offset,
            self.times.tobytes(),
            self.requests.tobytes(),
            {term: positions.tobytes() for term, positions in self.postings.items()},
        )


class PostingList(NamedTuple):
    """Where in a block the events of a term are, as it is stored.

    `positions` are those of `event_count` events from `first` to `last`. With `is_inverted` they are the ones between
    that do not have the term, which are fewer.
    """

    term: int
    event_count: int
    first: int
    last: int
    is_inverted: bool
    positions: bytes


class ClosedBlock(NamedTuple):
    """A full block: when its events were, and its posting lists. `requests` are by bucket."""

    number: int
    first_us: int
    last_us: int
    times: bytes
    postings: list[PostingList]
    requests: list[tuple[int, bytes]]


def closed(segments: Sequence[Segment]) -> ClosedBlock:
    """The block that its segments, which are all of it in order, come to."""
    times = array(_TIME, b"".join(one.times for one in segments))
    parts: dict[int, list[bytes]] = {}
    for segment in segments:
        for term, positions in segment.postings.items():
            parts.setdefault(term, []).append(positions)
    return ClosedBlock(
        block_of(segments[0].first_offset),
        min(times),
        max(times),
        packed_times(times),
        [posting_list(term, b"".join(found)) for term, found in sorted(parts.items())],
        requests_by_bucket(array(_REQUEST, b"".join(one.requests for one in segments))),
    )


def requests_by_bucket(hashes: Iterable[int]) -> list[tuple[int, bytes]]:
    """The pairs of each bucket, of the hashes of the requests of a block."""
    buckets: dict[int, array[int]] = {}
    for position, hashed in enumerate(hashes):
        buckets.setdefault(hashed % REQUEST_BUCKETS, array(_POSITION)).extend((position, hashed >> 16))
    return sorted((bucket, pairs.tobytes()) for bucket, pairs in buckets.items())


def packed_times(times: "array[int]") -> bytes:
    """The times of a block, as they are stored: in pieces, of which those are unpacked that are asked for."""
    pieces = [times[first : first + TIMES_TOGETHER] for first in range(0, len(times), TIMES_TOGETHER)]
    return _encoder.encode([zlib.compress(one.tobytes(), 1) for one in pieces])


def posting_list(term: int, positions: bytes) -> PostingList:
    """Positions as they take the least room."""
    found = array(_POSITION, positions)
    first, last, count = found[0], found[-1], len(found)
    between = last - first + 1
    if count * 2 <= between:
        return PostingList(term, count, first, last, False, positions)
    has = set(found)
    without = array(_POSITION, (one for one in range(first, last) if one not in has) if count < between else ())
    return PostingList(term, count, first, last, True, without.tobytes())


def positions_of(posting: PostingList) -> Sequence[int]:
    """The positions of a posting list, ascending."""
    stored = array(_POSITION, posting.positions)
    if not posting.is_inverted:
        return stored
    everything = range(posting.first, posting.last + 1)
    if not stored:
        return everything
    without = set(stored)
    return array(_POSITION, (one for one in everything if one not in without))


def mark_of_request(hashed: int) -> bytes:
    """What a bucket has beside the positions of the events that may be of a request, and seldom anywhere else."""
    return array(_POSITION, (hashed >> 16,)).tobytes()


def positions_of_request(pairs: bytes, hashed: int) -> list[int]:
    """Where in a block an event may be of the request of a hash, by the pairs of its bucket."""
    marks = _places(pairs, mark_of_request(hashed))
    return [array(_POSITION, pairs[place - 2 : place])[0] for place in marks if place % 4 == 2]


def _places(content: bytes, wanted: bytes) -> Iterable[int]:
    """Where in bytes others are, at any place."""
    place = content.find(wanted)
    while place != -1:
        yield place
        place = content.find(wanted, place + 1)


class TimesOfBlock(EventTimes):
    """Those of a closed block, as they are stored."""

    def __init__(self, stored: bytes) -> None:
        self._pieces = _pieces_of(stored)
        self._unpacked: dict[int, array[int]] = {}

    def __getitem__(self, position: int, /) -> int:
        number, place = divmod(position, TIMES_TOGETHER)
        piece = self._unpacked.get(number)
        if piece is None:
            piece = self._unpacked[number] = array(_TIME, zlib.decompress(self._pieces[number]))
        return piece[place]

    def all(self) -> "array[int]":
        """In the order of the events."""
        return array(_TIME, b"".join(map(zlib.decompress, self._pieces)))


class OpenBlock:
    """The newest events of a partition, up to `end`: the segments of its open block, which may have none yet."""

    def __init__(self, end: int, segments: Sequence[Segment]) -> None:
        self.end = end
        self._segments = segments

    @property
    def number(self) -> int:
        return block_of(self.end)

    def positions(self, term: int) -> "array[int]":
        return array(_POSITION, b"".join(one.postings.get(term, b"") for one in self._segments))

    def positions_of_request(self, hashed: int) -> list[int]:
        requests = b"".join(one.requests for one in self._segments)
        wanted = array(_REQUEST, (hashed,)).tobytes()
        return [place // 4 for place in _places(requests, wanted) if place % 4 == 0]

    def times(self) -> "array[int]":
        return array(_TIME, b"".join(one.times for one in self._segments))


def positions_between(positions: Sequence[int], first: int, end: int) -> Sequence[int]:
    """Those of ascending positions that are at least `first`, and before `end`."""
    return positions[bisect_left(positions, first) : bisect_left(positions, end)]
