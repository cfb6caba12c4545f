"""The open blocks of an index that is read again and again: full segments stay as they are, and are kept decoded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from read_model.history.segment import OpenBlock, Segment, block_of, decode_segment
from schemas.envelope import Positions


class KeptSegments(NamedTuple):
    """The full segments of each partition's open block, as they were last read."""

    segments: Mapping[int, Sequence[Segment]] = {}

    @property
    def ends(self) -> Positions:
        """Where they end. What begins there and after it is not kept."""
        return {partition: kept[-1].end for partition, kept in self.segments.items() if kept}

    def with_rows(
        self, rows: Iterable[tuple[int, int, bytes | None]]
    ) -> "tuple[Mapping[int, OpenBlock], KeptSegments]":
        """The open blocks, and what is to be kept of them.

        Rows are the partition, its checkpoint, and a segment that is not kept, in order. Raises ValueError for one that
        cannot be read.
        """
        ends: dict[int, int] = {}
        found: dict[int, list[Segment]] = {}
        for partition, end, content in rows:
            if partition not in ends:
                kept, block = self.segments.get(partition, ()), block_of(end)
                ends[partition], found[partition] = end, [one for one in kept if block_of(one.first_offset) == block]
            if content is not None:
                found[partition].append(decode_segment(content))
        blocks = {partition: OpenBlock(end, found[partition]) for partition, end in ends.items()}
        full = {partition: [one for one in segments if one.is_full] for partition, segments in found.items()}
        return blocks, KeptSegments(full)
