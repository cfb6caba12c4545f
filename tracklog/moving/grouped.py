"""Several streams of rows in the order of one key, read side by side: a join that holds a block of each."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tracklog.moving.records import OddityRecord

Row: TypeAlias = Sequence[Any]
Block: TypeAlias = Sequence[Row]
"""Some rows, at least one."""
Count: TypeAlias = Callable[[Block], Mapping[str, int]]


class Grouped:
    """Rows in the order of the bytes of their first column, handed out by it.

    `count` says how many things of each kind some rows are, where not each is one of `kind`.
    """

    def __init__(self, blocks: Iterator[Block], kind: str, count: Count | None = None) -> None:
        self._blocks = blocks
        self._count = count or (lambda rows: {kind: len(rows)})
        self._block: Block = ()
        self._at = 0
        self._read_on()

    def of(self, key: Any) -> Iterator[Row]:
        """The rows of a key. What came before it is to be taken first."""
        for block in self.blocks_of(key):
            yield from block

    def blocks_of(self, key: Any) -> Iterator[Block]:
        """The same, in blocks."""
        while self._at < len(self._block) and self._block[self._at][0] == key:
            block, start, end = self._block, self._at, self._end_of(key)
            self._at = end
            if end == len(block):
                self._read_on()
            yield block[start:end] if end - start < len(block) else block

    def before(self, key: Any) -> Iterator[OddityRecord]:
        """What belongs to nothing: the rows before those of a key, or, for None, all that are left."""
        while self._at < len(self._block) and (key is None or _order(self._block[self._at][0]) < _order(key)):
            owner = self._block[self._at][0]
            lost: Counter[str] = Counter()
            for block in self.blocks_of(owner):
                lost.update(self._count(block))
            for kind, number in lost.items():
                yield OddityRecord(kind, f"of {_shown(owner)!r:.100}", "what it belongs to is not there", number)

    def _read_on(self) -> None:
        self._block, self._at = next(self._blocks, ()), 0

    def _end_of(self, key: Any) -> int:
        """Where in the block the rows of a key end, which begin where we are."""
        block, low, high = self._block, self._at, len(self._block)
        if block[-1][0] == key:
            return high
        while high - low > 1:
            middle = (low + high) // 2
            if block[middle][0] == key:
                low = middle
            else:
                high = middle
        return high


def _shown(key: Any) -> Any:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key


def _order(key: Any) -> bytes:
    """Where a key stands, nothing first, as in SQLite."""
    if key is None:
        return b""
    return key if isinstance(key, bytes) else str(key).encode("utf-8", "surrogateescape")
