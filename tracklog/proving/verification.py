"""Comparing a log with what was signed of it, and naming what is otherwise.

What is believed are checkpoints that a trusted key signed. The tree in the store of proofs is believed as far as it has
the root of such a checkpoint; it then tells which event is another, where a checkpoint alone tells only that one is.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any, Final, TypeVar

from event_log.forgetting import ERASURE_TYPES
from event_log.port import EventLogReader
from event_log.proof.checkpoint import SignedSize
from event_log.proof.differences import Kind, differences
from event_log.proof.leaf import UNREADABLE_LEAF, Leaf, leaf_of
from event_log.proof.note import BadNote, NotSigned, PublicKey, verified
from event_log.proof.tiles import GrowingTree
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import RecordedEvent
from schemas.events import AnyErased
from schemas.forgotten import is_forgotten, is_forgotten_refusal
from schemas.sealed import NO_KEYS, why_unopened
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.stored_tree import root_at

T = TypeVar("T")

MOST_DIFFERENCES: Final = 1000
"""Of a partition; more of them tell nothing more."""

READ_EVENTS: Final = 1000

Show = Callable[[int, int], None]
"""Hears how many events are compared, of how many."""


class Wrong(Enum):
    """What is wrong beside single events."""

    SHORTER = "shorter than a checkpoint"
    NOT_SIGNED = "not what was signed"
    TREE_CHANGED = "tree changed"
    FORGED = "checkpoint forged"
    KEY_REPLACED = "key replaced"
    OTHER_LOG = "checkpoint of another log"
    NO_CHECKPOINT = "no checkpoint"
    NO_ERASURE = "forgotten without an erasure"
    CANNOT_OPEN = "sealed, and cannot be opened"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was signed. `offset` is where in the partition, where that is known."""

    kind: Kind | Wrong
    partition: int | None
    offset: int | None
    why: str = ""

    def __str__(self) -> str:
        where = [] if self.partition is None else [f"partition {self.partition}"]
        where += [] if self.offset is None else [f"offset {self.offset}"]
        what = self.kind.value + (f": {self.why}" if self.why else "")
        return f"{', '.join(where)}: {what}" if where else what


@dataclass(slots=True)
class Report:
    """What was found. `proven` is how many events of each partition are what was signed, `unsigned` how many follow
    that no checkpoint is over, `unreadable` how many could not be read already when they were signed, `sealed` how many
    were left sealed because no keys are named, and `forgotten` how many have no payload any more, by the name of the
    stream whose erasure says so."""

    findings: list[Finding] = field(default_factory=list)
    proven: dict[int, int] = field(default_factory=dict)
    unsigned: dict[int, int] = field(default_factory=dict)
    unreadable: int = 0
    sealed: int = 0
    forgotten: Counter[str] = field(default_factory=Counter)


async def verify(
    log: EventLogReader,
    store: ProofStore | None,
    given: Sequence[str],
    trusted: frozenset[PublicKey],
    show: Show,
) -> Report:
    """Compare a log with the checkpoints of `store`, and with `given` ones, which were kept elsewhere.

    Raises LogUnavailable, TemporarilyUnavailable.
    """
    report = Report()
    forgotten = Forgotten()
    log_id, end = await log.identity(), await log.end()
    signed = [one for note in given for one in _signed(note, trusted, log_id, report)]
    for partition in sorted(end):
        notes = [] if store is None else [one.note for one in await store.checkpoints(partition)]
        of_store = [one for note in notes for one in _signed(note, trusted, log_id, report)]
        of_partition = {(one.size, one.root): one for one in (*signed, *of_store) if one.partition == partition}
        found = sorted(of_partition.values(), key=lambda one: one.size)
        await _Comparison(log, store, partition, end[partition], found, show, report, forgotten).run()
    forgotten.judge(report)
    for one in signed:
        if one.partition not in end:
            report.findings.append(Finding(Wrong.SHORTER, one.partition, 0, "the log has no such partition"))
    return report


def _signed(note: str, trusted: frozenset[PublicKey], log_id: str, report: Report) -> list[SignedSize]:
    """What a checkpoint says where it is to be believed; else why not, as a finding."""
    try:
        signed = SignedSize.parse(verified(note, trusted))
    except NotSigned as error:
        report.findings.append(Finding(Wrong.KEY_REPLACED, None, None, str(error)))
    except BadNote as error:
        report.findings.append(Finding(Wrong.FORGED, None, None, str(error)))
    else:
        if signed.log_id == log_id:
            return [signed]
        report.findings.append(
            Finding(Wrong.OTHER_LOG, None, None, f"it is of the log {signed.log_id}, and this is {log_id}")
        )
    return []


@dataclass(slots=True)
class Forgotten:
    """Which events of a log have no payload any more, or one that does not open, and which erasures say so."""

    _streams: dict[str, Counter[int]] = field(default_factory=dict)  # how many by partition
    _first: dict[tuple[str, int], int] = field(default_factory=dict)
    _refused: dict[tuple[int, int], str] = field(default_factory=dict)
    _erased: dict[str, str] = field(default_factory=dict)  # by each stream that goes, that of the erasure
    _erased_refusals: dict[tuple[int, int], str] = field(default_factory=dict)
    _unopened: Counter[str] = field(default_factory=Counter)  # by the reason
    _first_unopened: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self, event: RecordedEvent) -> None:
        """Take one event of the log, in any order."""
        if is_forgotten_refusal(event.payload):
            self._refused[event.partition, event.offset] = event.stream
        elif is_forgotten(event.payload):
            self._streams.setdefault(event.stream, Counter())[event.partition] += 1
            self._first.setdefault((event.stream, event.partition), event.offset)
        elif event.type in ERASURE_TYPES:
            with suppress(UndecodableEvent):
                erased = decode(event)
                assert isinstance(erased, AnyErased)
                self._erased.update(dict.fromkeys(erased.erasure.streams, event.stream))
                of_refused = ((event.partition, offset) for offset in erased.erasure.refused)
                self._erased_refusals.update(dict.fromkeys(of_refused, event.stream))
        elif event.sealed and (why := why_unopened(event.payload)) is not None:
            self._unopened[why] += 1
            self._first_unopened.setdefault(why, (event.partition, event.offset))

    @property
    def is_unexplained(self) -> bool:
        """Whether the erasure of something has not been seen yet, which may follow."""
        return (
            not self._streams.keys() <= self._erased.keys() or not self._refused.keys() <= self._erased_refusals.keys()
        )

    def judge(self, report: Report) -> None:
        """Once all events were looked at: count those that an erasure names, and find the others."""
        for stream, counts in self._streams.items():
            for partition, count in counts.items():
                if stream in self._erased:
                    report.forgotten[self._erased[stream]] += count
                else:
                    first = self._first[stream, partition]
                    why = f"{count} events of {stream}, which no erasure names, have no payload"
                    report.findings.append(Finding(Wrong.NO_ERASURE, partition, first, why))
        report.sealed = self._unopened.pop(NO_KEYS, 0)
        for why, count in self._unopened.items():
            told = f"{count} events, of which this is the first: {why}"
            report.findings.append(Finding(Wrong.CANNOT_OPEN, *self._first_unopened[why], told))
        for place, stream in self._refused.items():
            if place in self._erased_refusals:
                report.forgotten[self._erased_refusals[place]] += 1
            else:
                why = f"an event of {stream}, which no erasure names, has no payload"
                report.findings.append(Finding(Wrong.NO_ERASURE, *place, why))


@dataclass(slots=True)
class _Comparison:
    """Of one partition."""

    log: EventLogReader
    store: ProofStore | None
    partition: int
    end: int
    signed: list[SignedSize]
    show: Show
    report: Report
    forgotten: Forgotten
    roots: dict[int, bytes] = field(default_factory=dict)

    async def run(self) -> None:
        if not self.signed:
            if self.end:
                self._find(Wrong.NO_CHECKPOINT, None, f"none is over any of its {self.end} events")
            return
        last = self.signed[-1].size
        if last > self.end:
            self._find(
                Wrong.SHORTER,
                self.end,
                f"{last} events were signed, and the log has {self.end}: it was cut, or an older state was put back",
            )
        believed = await self._believed_tree()
        loop = asyncio.get_running_loop()
        named = await asyncio.to_thread(self._compare, believed, loop)
        self._judge(named)
        self.report.unsigned[self.partition] = max(0, self.end - last)

    async def _believed_tree(self) -> int:
        """How many leaves of the tree in the store are those of a signed checkpoint."""
        if self.store is None:
            return 0
        believed = 0
        size = await self.store.size(self.partition)
        for one in self.signed:
            try:
                root = await root_at(self.store, self.partition, one.size) if one.size <= size else None
            except (KeyError, ValueError):
                root = None
            if root == one.root:
                believed = one.size
            elif size:
                self._find(
                    Wrong.TREE_CHANGED, None, f"the tree that is kept is not the one signed at {one.size} events"
                )
                break
        return believed

    def _compare(self, believed: int, loop: asyncio.AbstractEventLoop) -> bool:
        """Read the log up to the last checkpoint, in a thread; whether events were found that are not as they were."""

        def wait(call: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(call, loop).result()

        log = self._leaves_of_log(wait)
        found = list(islice(differences(islice(self._leaves_of_tree(wait), believed), log), MOST_DIFFERENCES))
        # Those at the end of a log that is too short are named by that.
        missing = {Kind.DROPPED} if self.signed[-1].size > self.end else set()
        named = [one for one in found if one.kind not in missing or one.offset < self.end]
        self.report.findings += [Finding(one.kind, self.partition, one.offset) for one in named]
        last = self.signed[-1].size
        while (last not in self.roots or self.forgotten.is_unexplained) and next(log, None) is not None:
            pass
        return bool(named)

    def _leaves_of_log(self, wait: Callable[[Coroutine[Any, Any, Any]], Any]) -> Iterator[Leaf]:
        """Its leaves, with the roots at each checkpoint noted on the way.

        Beyond the last checkpoint, too: an event that was inserted moves others there.
        """
        tree = GrowingTree()
        sizes = {one.size for one in self.signed}
        if 0 in sizes:
            self.roots[0] = tree.root()
        while tree.size < self.end:
            events = wait(self.log.read(self.partition, tree.size, limit=min(READ_EVENTS, self.end - tree.size)))
            if not events:
                return
            for event in events:
                leaf = leaf_of(event)
                self.forgotten.look(event)
                self.report.unreadable += leaf.hash == UNREADABLE_LEAF.hash
                tree.add(leaf)
                if tree.size in sizes:
                    self.roots[tree.size] = tree.root()
                yield leaf
            tree.changed()
            self.show(tree.size, self.end)

    def _leaves_of_tree(self, wait: Callable[[Coroutine[Any, Any, Any]], Any]) -> Iterator[Leaf]:
        number = 0
        while self.store is not None and (tiles := wait(self.store.leaf_tiles(self.partition, number))):
            for tile in tiles:
                yield from tile.leaves()
            number += len(tiles)

    def _judge(self, named: bool) -> None:
        """Say how much is proven, and where a checkpoint is not that of the log though no event was named."""
        proven = 0
        for one in self.signed:
            if self.roots.get(one.size) == one.root:
                proven = one.size
            elif one.size <= self.end and not named:
                self._find(
                    Wrong.NOT_SIGNED,
                    proven,
                    f"one or more of the events {proven} to {one.size - 1} are not those that were signed",
                )
                break
        self.report.proven[self.partition] = proven

    def _find(self, kind: Wrong, offset: int | None, why: str) -> None:
        self.report.findings.append(Finding(kind, self.partition, offset, why))
