"""What a sender has in memory of the deliveries of one webhook: which may be sent now, and which come after them.

Order is kept within a stream, so deliveries stand in lines, one for each. Of a stream that fails only the first is in
memory, and of any other at most `LINE`; the rest stays in the store until there is place for it. So the others go on,
however many wait of one stream.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from tracklog.webhooks.deliveries import EVENT, Delivery
from tracklog.webhooks.outbox_reader import Subscription

LINE: Final = 200
"""Deliveries of a stream in memory."""

TO_BE_LOADED_AGAIN: Final = -1
"""In the place of `rewound`: another number than the store ever has."""


@dataclass(slots=True)
class Queue:
    """`ready` are the streams whose first delivery may be sent; `under_way` is by id.

    `loaded` says, by partition, up to which offset everything was taken in or is among `rest`, and `incomplete` of
    which partitions there is more to be loaded. `rest` says up to which offset a stream of a partition was taken in, of
    which there is more in the store.
    """

    webhook: Subscription
    rewound: int
    lines: dict[str, deque[Delivery]] = field(default_factory=dict)
    ready: deque[str] = field(default_factory=deque)
    failing: set[str] = field(default_factory=set)
    waiting: int = 0
    under_way: dict[str, Delivery] = field(default_factory=dict)
    loaded: dict[int, int] = field(default_factory=dict)
    incomplete: set[int] = field(default_factory=set)
    rest: dict[tuple[int, str], int] = field(default_factory=dict)
    secret: str | None = None
    secret_id: str = ""

    @property
    def taken(self) -> int:
        """The places that are taken in memory: those who wait behind nothing that failed."""
        return self.waiting - len(self.failing)

    def empty(self) -> None:
        """Forget what waits in memory; what is under way goes on."""
        self.lines.clear()
        self.ready.clear()
        self.failing.clear()
        self.loaded.clear()
        self.incomplete.clear()
        self.rest.clear()
        self.waiting = 0

    def take_in(self, delivery: Delivery) -> bool:
        """Put a delivery at the end of its line, unless it has to stay in the store; whether it is the first now."""
        place = (delivery.partition, delivery.stream)
        line = self.lines.get(delivery.stream)
        if place in self.rest:
            return False
        if delivery.stream in self.failing or (line is not None and len(line) >= LINE):
            self.rest[place] = delivery.offset - 1
            return False
        self.waiting += 1
        if line is None:
            self.lines[delivery.stream] = deque((delivery,))
            self._note_failure(delivery)
            return True
        line.append(delivery)
        return False

    def put_first(self, delivery: Delivery) -> None:
        """Put a delivery before its line: it was under way when everything was loaded anew."""
        self.lines.setdefault(delivery.stream, deque()).appendleft(delivery)
        self.waiting += 1
        self._note_failure(delivery)

    def failed(self, tried: Delivery) -> None:
        """The first of a line is to be tried again; those behind it wait in the store."""
        self.lines[tried.stream][0] = tried
        self._note_failure(tried)

    def ended(self, stream: str) -> Delivery | None:
        """Take the first of a line out; the one that is the first then."""
        line = self.lines[stream]
        line.popleft()
        self.waiting -= 1
        self.failing.discard(stream)
        if line:
            return line[0]
        del self.lines[stream]
        return None

    def wants(self, place: tuple[int, str]) -> bool:
        """Whether there is place for more of the rest of a stream, by its partition and name."""
        stream = place[1]
        return place in self.rest and stream not in self.failing and len(self.lines.get(stream, ())) <= LINE // 2

    def wanted(self) -> list[tuple[tuple[int, str], int, int]]:
        """The streams with place for more of their rest; behind which offset, and how many of each."""
        return [
            (place, offset, LINE - len(self.lines.get(place[1], ())))
            for place, offset in self.rest.items()
            if self.wants(place)
        ]

    def has_under_way(self, stream: str) -> bool:
        return any(one.stream == stream and one.kind == EVENT for one in self.under_way.values())

    def _note_failure(self, first: Delivery) -> None:
        if first.due_us <= 0:
            return
        self.failing.add(first.stream)
        line = self.lines[first.stream]
        while len(line) > 1:
            last = line.pop()
            self.waiting -= 1
            place = (last.partition, last.stream)
            self.rest[place] = min(self.rest.get(place, last.offset), last.offset - 1)
