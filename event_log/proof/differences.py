"""What became of the events of a log since its tree took them: which were changed, dropped, inserted or moved."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final

from event_log.proof.leaf import (
    CHANGED_ENVELOPE_LEAF,
    CHANGED_PAYLOAD_LEAF,
    MISSING_LEAF,
    UNREADABLE_LEAF,
    Leaf,
)

WINDOW: Final = 10_000
"""How far on an event is looked for that is not where it was: some megabytes of leaves."""


class Kind(Enum):
    """What became of an event."""

    PAYLOAD_CHANGED = "payload changed"
    ENVELOPE_CHANGED = "envelope changed"
    BOTH_CHANGED = "envelope and payload changed"
    UNREADABLE = "cannot be read"
    DROPPED = "dropped"
    INSERTED = "inserted"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Difference:
    """`offset` is where the tree has the event; of one that was inserted, where the log has it."""

    kind: Kind
    offset: int


def differences(expected: Iterable[Leaf], actual: Iterable[Leaf], window: int = WINDOW) -> Iterator[Difference]:
    """What differs between the leaves of a tree and those of the log, from offset 0 on, in order.

    Leaves of the log after the last of the tree are no difference: the tree has not come to them. Those that the log
    has no more at its end were dropped. An event that was moved further than `window` was dropped, and inserted.
    """
    tree, log = _Leaves(iter(expected)), _Leaves(iter(actual))
    late: set[bytes] = set()  # what the log has later than the tree
    while tree.next is not None:
        if log.next is not None and tree.next.hash == log.next.hash:
            tree.take()
            log.take()
            continue
        tree.look(window)
        log.look(window)
        if log.next is None:
            yield Difference(Kind.DROPPED, tree.taken)
            tree.take()
        elif log.next.hash in late:
            late.discard(log.take().hash)
        elif tree.next.hash in log:
            if log.next.hash in tree:
                yield Difference(Kind.REORDERED, tree.taken)
                late.add(tree.take().hash)
            else:
                yield Difference(Kind.INSERTED, log.taken)
                log.take()
        elif log.next.hash in tree:
            yield Difference(Kind.DROPPED, tree.taken)
            tree.take()
        else:
            yield Difference(_change(tree.next, log.next), tree.taken)
            tree.take()
            log.take()


class _Leaves:
    """Leaves, of which the next ones can be looked at before they are taken."""

    def __init__(self, more: Iterator[Leaf]) -> None:
        self._more = more
        self._seen: deque[Leaf] = deque()
        self._hashes: Counter[bytes] = Counter()
        self.taken = 0

    @property
    def next(self) -> Leaf | None:
        if not self._seen:
            self.look(1)
        return self._seen[0] if self._seen else None

    def look(self, window: int) -> None:
        """See as many leaves, where there are."""
        for leaf in islice(self._more, max(0, window - len(self._seen))):
            self._seen.append(leaf)
            self._hashes[leaf.hash] += 1

    def __contains__(self, hashed: bytes) -> bool:
        """Whether it is among those that are seen. Damaged events are all alike, and never taken for one another."""
        return hashed != UNREADABLE_LEAF.hash and self._hashes[hashed] > 0

    def take(self) -> Leaf:
        leaf = self._seen.popleft()
        self._hashes[leaf.hash] -= 1
        if not self._hashes[leaf.hash]:
            del self._hashes[leaf.hash]
        self.taken += 1
        return leaf


_OF_DAMAGED: Final = {
    MISSING_LEAF: Kind.DROPPED,
    CHANGED_ENVELOPE_LEAF: Kind.ENVELOPE_CHANGED,
    CHANGED_PAYLOAD_LEAF: Kind.PAYLOAD_CHANGED,
    UNREADABLE_LEAF: Kind.UNREADABLE,
}


def _change(wanted: Leaf, found: Leaf) -> Kind:
    """What was changed of an event that is where it was."""
    if found in _OF_DAMAGED:
        return _OF_DAMAGED[found]
    has_envelope, has_payload = wanted.hint[:4] == found.hint[:4], wanted.hint[4:] == found.hint[4:]
    if has_envelope == has_payload:
        return Kind.BOTH_CHANGED
    return Kind.PAYLOAD_CHANGED if has_envelope else Kind.ENVELOPE_CHANGED
